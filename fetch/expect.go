package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"mirror"
	"mirror/config"
	"mirror/repo"
	"mirror/store"
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

const profileNone = "none"

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
	for _, x := range t.expected {
		if as, ok := strings.CutPrefix(x.As, t.m.Prefix); ok && as != "" {
			t.as = mirror.Name(as)
			t.nature.Index = t.e.nature(t.m, t.as).Index
		}
	}
	return nil
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

// matches reports whether bytes are those of a claim. sum computes a digest of
// them.
func matches(c index.Claim, size int64, sum func(repo.Algorithm) (string, error)) (bool, error) {
	if c.Size >= 0 && c.Size != size {
		return false, nil
	}
	if repo.Algorithm(c.Algorithm) == repo.NoAlgorithm {
		return true, nil
	}
	got, err := sum(repo.Algorithm(c.Algorithm))
	return got == c.Digest, err
}

// matchesAny reports whether bytes are those of any claim.
func matchesAny(expected []index.Expected, size int64, sum func(repo.Algorithm) (string, error)) (bool, error) {
	for _, x := range expected {
		if ok, err := matches(x.Claim, size, sum); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// summer computes the digests of a file, each once.
func summer(r io.ReaderAt, size int64) func(repo.Algorithm) (string, error) {
	known := make(map[repo.Algorithm]string)
	return func(a repo.Algorithm) (string, error) {
		if got, ok := known[a]; ok {
			return got, nil
		}
		got, err := repo.Sum(a, io.NewSectionReader(r, 0, size))
		var path *fs.PathError
		if errors.As(err, &path) {
			return "", fmt.Errorf("%w: reading back a finished file: %w", mirror.ErrStore, err)
		}
		// Another error says that it is not of the form that the algorithm is for.
		known[a] = got
		return got, nil
	}
}

// summer computes the digests of the whole part, which has size bytes, each once.
func (t *transfer) summer(size int64) func(repo.Algorithm) (string, error) {
	others := summer(t.part, size)
	return func(a repo.Algorithm) (string, error) {
		if a != repo.SHA256 {
			return others(a)
		}
		got, err := t.sha256()
		return string(got), err
	}
}

// verify compares the whole part with what is known of it, and has its signature
// checked. What it finds out on the way is kept.
func (t *transfer) verify(src upstream) error {
	s := t.now()
	if t.held == nil && t.generation == nil && s.have > store.HoldBack && t.m.Profile != profileNone {
		t.expectAnew() // an index may have come while the file did
	}
	if len(t.expected) > 0 {
		if err := t.compare(s.have); err != nil {
			return err
		}
	}
	if err := t.checkSignature(src); err != nil {
		return err
	}
	if err := t.suits(src); err != nil {
		return err
	}
	// Of what clients wait for, nothing is read before they have it.
	if t.held == nil || t.nature.Index == "" {
		return nil
	}
	known, ok, err := t.e.index.IndexFile(t.ctx, t.m.Prefix+t.nature.Index)
	if err != nil {
		return nil
	}
	if !ok {
		if known.Made = t.e.heldTop(t.ctx, t.m, t.rest).Made; known.Made.IsZero() {
			return nil // nothing is known of the held one: it may be no index at all
		}
	}
	r, err := t.e.read(t.ctx, t.m, t.content())
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: it cannot be read as an index: %v", mirror.ErrWrong, src.URL(t.rest), err)
	}
	if t.e.isOlder(r.Made, known.Made) {
		return fmt.Errorf("%w: %s is of %s, and older than the one of %s that is here (to go back to it, remove that one)", mirror.ErrHalfway,
			src.URL(t.rest), r.Made.UTC().Format(time.DateTime), known.Made.UTC().Format(time.DateTime))
	}
	if suite := t.suite(); t.m.Keyring != "" && suite != "" && !slices.Contains(r.suites, suite) && slices.Contains(t.e.heldTop(t.ctx, t.m, t.rest).suites, suite) {
		// The same keys sign all suites.
		return fmt.Errorf("%w: %s is of the suite %q (if that is right, remove the one that is here)", mirror.ErrWrong, src.URL(t.rest), r.suites)
	}
	if upstreams := t.e.sources[t.m]; !r.Expires.IsZero() && r.Expires.Before(t.e.now()) && src.URL("") != upstreams[len(upstreams)-1].URL("") {
		// The last upstream's is taken as it is: clients judge by themselves.
		return fmt.Errorf("%w: %s has expired on %s", mirror.ErrHalfway, src.URL(t.rest), r.Expires.UTC().Format(time.DateTime))
	}
	t.reading = r
	return nil
}

// suite is what the name of an index says that it is of: dists/SUITE/InRelease.
func (t *transfer) suite() string {
	_, below, _ := strings.Cut("/"+string(t.rest), "/dists/")
	suite, _, _ := strings.Cut(below, "/")
	return suite
}

// heldTop is what the index says that is published under a name, if it is one of a set:
// those are small, and say when they were made. Empty: there is none.
func (e *Engine) heldTop(ctx context.Context, m *config.Mirror, rest mirror.Name) *reading {
	name := mirror.Name(m.Prefix + string(rest))
	if n := e.nature(m, rest); n.Index == "" || len(n.Set) < 2 || !e.Owns(ctx, name) {
		return &reading{}
	}
	f, err := e.openPublished(name)
	if err != nil {
		return &reading{}
	}
	defer f.Close()
	r, err := e.read(ctx, m, content{f.file, rest, rest, f.Meta.Size, nil})
	if err != nil {
		return &reading{}
	}
	return r
}

// farFuture is how far an index may be ahead of the clock.
const farFuture = 24 * time.Hour

// isOlder reports whether an index that was made at one time may not take the place of
// one that was made at another. One of a time that has not come gives way to any: its
// publisher's clock was wrong, and else nothing could follow it until then.
func (e *Engine) isOlder(made, than time.Time) bool {
	return !made.IsZero() && made.Before(than) && than.Before(e.now().Add(farFuture))
}

// compare compares the part with what is expected.
func (t *transfer) compare(size int64) error {
	sum := t.summer(size)
	if ok, err := matchesAny(t.expected, size, sum); ok || err != nil {
		return err
	}
	want := t.expected[0]
	a := repo.Algorithm(want.Algorithm)
	if want.Size >= 0 && want.Size != size {
		return t.wrong(fmt.Sprintf("it has %d bytes, and should have %d", size, want.Size))
	}
	got, err := sum(a)
	if err != nil {
		return err
	}
	return t.wrong(fmt.Sprintf("it is %s %s, and should be %s", a, hex.EncodeToString([]byte(got)), hex.EncodeToString([]byte(want.Digest))))
}

// wrong is the error of bytes that are not what is expected.
func (t *transfer) wrong(what string) error {
	by := "its name"
	if via := t.expected[0].Via; via != "" {
		by = "/" + via
	}
	return fmt.Errorf("%w: %s, says %s", mirror.ErrWrong, what, by)
}
