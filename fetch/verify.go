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
	"mirror/store/index"
)

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

// verify compares the whole part with what is known of it, has its signature checked,
// and looks whether it may take the place of the index that is here.
func (t *transfer) verify(src upstream) error {
	s := t.now()
	if t.held == nil && t.generation == nil && s.have > mirror.HoldBack && t.m.Profile != profileNone {
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
	return t.succeeds(src)
}

// succeeds reads the part as the index that it has to be, and says why it may not take
// the place of the one that is here. The reading is kept.
func (t *transfer) succeeds(src upstream) error {
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
