package fetch

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"mirror"
	"mirror/config"
	"mirror/repo"
)

// agree checks what no digest tells: that the signatures are those of the files,
// and that the files of a set were made together.
func (g *generation) agree() error {
	m := g.top.m
	file := func(rest string) (content, func()) {
		name := mirror.Name(m.Prefix + rest)
		for _, t := range append(slices.Clone(g.members), g.top) {
			if t.name == name && t.part != nil {
				return t.content(), func() {}
			}
		}
		if !g.e.Owns(g.ctx, name) || slices.Contains(g.gone, name) { // what others put there need not fit
			return content{}, func() {}
		}
		if f, err := g.e.openPublished(name); err == nil {
			return content{f.file, mirror.Name(rest), mirror.Name(rest), f.Meta.Size, nil}, func() { f.Close() }
		}
		return content{}, func() {}
	}
	var made time.Time
	for _, rest := range g.top.nature.Set {
		c, done := file(rest)
		defer done()
		if c.ReaderAt == nil {
			continue
		}
		n := g.e.nature(m, mirror.Name(rest))
		if n.Index != "" {
			r, err := g.e.read(g.ctx, m, c)
			switch {
			case err != nil:
			case !made.IsZero() && !r.Made.Equal(made):
				return fmt.Errorf("/%s%s: %w: it is not of the same time as what belongs to it", m.Prefix, rest, mirror.ErrHalfway)
			default:
				made = r.Made
			}
		}
		for _, signature := range n.Signatures {
			sig, done := file(signature)
			defer done()
			if sig.ReaderAt == nil {
				continue
			}
			if err := g.e.signs(m, c, sig); err != nil {
				return fmt.Errorf("/%s%s: %w: %v", m.Prefix, signature, mirror.ErrHalfway, err)
			}
		}
	}
	return nil
}

// signs reports why sig cannot be the signature of c.
func (e *Engine) signs(m *config.Mirror, c, sig content) error {
	b, err := io.ReadAll(io.NewSectionReader(sig, 0, min(sig.size, maxSignature)))
	if err != nil {
		return fmt.Errorf("%w: %w", mirror.ErrStore, err)
	}
	if m.Keyring == "" {
		if fits, known := repo.SignatureFits(c, c.size, b); known && !fits {
			return errors.New("the signature is of another version")
		}
		return nil
	}
	keys, err := repo.LoadKeyring(m.Keyring)
	if err != nil {
		return err
	}
	return keys.Detached(io.NewSectionReader(c, 0, c.size), b, e.now())
}

// suits reports why t's file, which was missing and src has sent, does not fit to those of
// its set that are here: a signature that is of another version, or an index that is older than
// what says the same. No client is to get it then: it would find the two not to fit.
func (t *transfer) suits(src upstream) error {
	if t.held != nil || t.generation != nil {
		return nil
	}
	for _, rest := range t.nature.Set {
		if rest != string(t.rest) && t.nature.Index != "" && t.e.nature(t.m, mirror.Name(rest)).Index == t.nature.Index {
			if err := t.precedes(src, mirror.Name(rest)); err != nil {
				return err
			}
		}
		if !slices.Contains(t.e.nature(t.m, mirror.Name(rest)).Signatures, string(t.rest)) {
			continue
		}
		f, err := t.e.openPublished(mirror.Name(t.m.Prefix + rest))
		if err != nil {
			continue
		}
		defer f.Close()
		if err := t.e.signs(t.m, content{f.file, mirror.Name(rest), mirror.Name(rest), f.Meta.Size, nil}, t.content()); err != nil {
			return fmt.Errorf("%w: %s does not fit to /%s%s: %v", mirror.ErrHalfway, src.URL(t.rest), t.m.Prefix, rest, err)
		}
	}
	return nil
}

// precedes reports why t's index, which says the same as one that is here, is too old
// to be beside it: Release beside InRelease.
func (t *transfer) precedes(src upstream, rest mirror.Name) error {
	held := t.e.heldTop(t.ctx, t.m, rest).Made
	if held.IsZero() {
		return nil
	}
	r, err := t.e.read(t.ctx, t.m, t.content())
	if err != nil || !t.e.isOlder(r.Made, held) {
		return nil
	}
	return fmt.Errorf("%w: %s is of %s, and older than /%s%s, which is of %s", mirror.ErrHalfway, src.URL(t.rest),
		r.Made.UTC().Format(time.DateTime), t.m.Prefix, rest, held.UTC().Format(time.DateTime))
}
