package fetch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mirror"
	"mirror/config"
	"mirror/repo"
	"mirror/store/index"
)

// nature is what a name tells of its file.
func (e *Engine) nature(m *config.Mirror, rest mirror.Name) repo.Nature {
	return e.know[m].Of(string(rest))
}

// expectations returns what is known of a file's bytes: any of them will do. None:
// nothing is known.
func (e *Engine) expectations(ctx context.Context, m *config.Mirror, rest mirror.Name) []index.Expected {
	if m.Profile == profileNone {
		return nil
	}
	return append(e.learned(ctx, m, rest), e.ofName(m, rest)...)
}

// learned returns what indexes say of a file's bytes. What was learned when the
// mirror's profile was another is left out, since it is not kept up to date, and so is
// what an index says that upstream has withdrawn.
func (e *Engine) learned(ctx context.Context, m *config.Mirror, rest mirror.Name) []index.Expected {
	list, err := e.index.Expected(ctx, m.Prefix+string(rest))
	if err != nil {
		e.log.Warn("what is known of a file cannot be read", "path", "/"+m.Prefix+string(rest), "err", err)
	}
	return e.counting(ctx, m, rest, list)
}

// counting returns what counts of what indexes say of a file.
func (e *Engine) counting(ctx context.Context, m *config.Mirror, rest mirror.Name, list []index.Expected) []index.Expected {
	list = slices.DeleteFunc(list, func(x index.Expected) bool {
		via, ok := strings.CutPrefix(x.Via, m.Prefix)
		return !ok || !e.know[m].HasIndex(via) || e.isWithdrawn(ctx, m, x, rest)
	})
	if m.Keyring == "" || len(list) < 2 {
		return list
	}
	// What is signed counts for more than what anybody can write.
	signed := slices.DeleteFunc(slices.Clone(list), func(x index.Expected) bool {
		return !e.isSigned(ctx, m, x.Source, mostLeaders)
	})
	if len(signed) > 0 {
		return signed
	}
	return list
}

// isSigned reports whether a file of a mirror with a keyring is an index that is only
// accepted with a signature, or is named by one that is.
func (e *Engine) isSigned(ctx context.Context, m *config.Mirror, name string, most int) bool {
	rest, ok := strings.CutPrefix(name, m.Prefix)
	if !ok {
		return false
	}
	if n := e.nature(m, mirror.Name(rest)); n.Inline || len(n.Signatures) > 0 {
		return true
	}
	list, err := e.index.Expected(ctx, name)
	return err == nil && most > 0 && slices.ContainsFunc(list[:min(len(list), mostLooks)], func(x index.Expected) bool {
		return e.isSigned(ctx, m, x.Source, most-1)
	})
}

// ofName returns what a name itself says of its file's bytes.
func (e *Engine) ofName(m *config.Mirror, rest mirror.Name) []index.Expected {
	c := e.nature(m, rest).Claim
	if c.Name == "" {
		return nil
	}
	return []index.Expected{{Claim: claimOf(m, c)}}
}

const profileNone = repo.None

// claimOf is a claim as it is recorded: of a name in the docroot.
func claimOf(m *config.Mirror, c repo.Claim) index.Claim {
	return index.Claim{
		Name: m.Prefix + c.Name, Size: c.Size, Algorithm: uint8(c.Digest.Algorithm), Digest: c.Digest.Sum,
		Slot: c.Slot, Package: c.Package, As: below(m, c.As),
	}
}

// below is the docroot's name of one below a mirror's prefix; none is none.
func below(m *config.Mirror, rest string) string {
	if rest == "" {
		return ""
	}
	return m.Prefix + rest
}

// expect looks up what is known of t's bytes, and by which name an index is known
// that is called by its digest. Without that nothing is fetched: what cannot be looked
// up may be what tells wrong bytes from right ones.
func (t *transfer) expect() error {
	switch {
	case t.expected != nil:
	case t.unclaimed || t.m.Profile == profileNone: // there is no need to ask for more than its name
		t.expected = t.e.ofName(t.m, t.rest)
	default:
		var err error
		if t.expected, err = t.lookUp(); err != nil {
			return err
		}
	}
	if as := knownAs(t.place, t.expected); as != t.rest {
		t.as, t.nature.Index = as, t.e.nature(t.m, as).Index
	}
	return nil
}

// knownAs is the name, below the prefix, that tells what is in a file of which list is
// expected: its own, or that of the index that is called by its digest.
func knownAs(p place, list []index.Expected) mirror.Name {
	as := p.rest
	for _, x := range list {
		if below, ok := strings.CutPrefix(x.As, p.m.Prefix); ok && below != "" {
			as = mirror.Name(below)
		}
	}
	return as
}

// lookUp is expectations, for those who have to know: that the record cannot be read
// is an error, and it is read also when nobody wants the file any more.
func (t *transfer) lookUp() ([]index.Expected, error) {
	ctx := context.WithoutCancel(t.ctx)
	list, err := t.e.index.Expected(ctx, string(t.name))
	if err != nil {
		return nil, fmt.Errorf("%w: what is known of /%s cannot be read: %w", mirror.ErrStore, t.name, err)
	}
	return append(t.e.counting(ctx, t.m, t.rest, list), t.e.ofName(t.m, t.rest)...), nil
}

// sizeFits reports whether a file of this size can be what is expected.
func sizeFits(expected []index.Expected, size int64) bool {
	for _, x := range expected {
		if size < 0 || x.Size < 0 || x.Size == size {
			return true
		}
	}
	return len(expected) == 0
}
