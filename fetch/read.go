package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"mirror"
	"mirror/config"
	"mirror/repo"
	"mirror/store"
	"mirror/store/index"
)

// content is a whole file that is read as an index.
type content struct {
	io.ReaderAt
	rest   mirror.Name // below the prefix
	as     mirror.Name // what tells what is in it
	size   int64
	digest []byte // nil where nobody needs it
}

// content is the whole part.
func (t *transfer) content() content {
	return content{t.part, t.rest, t.as, t.now().have, t.digest}
}

// reading is what an index says.
type reading struct {
	index.IndexFile // but for Learned
	m               *config.Mirror
	claims          []index.Claim
	suites          []string // that it says it is of
}

// mostRead bounds the memory that the claims of an index take: enough for a million
// packages. claimSize is that of one without its texts.
const (
	mostRead  = 256 << 20
	claimSize = 120
)

// read reads a file of a mirror as an index.
func (e *Engine) read(ctx context.Context, m *config.Mirror, c content) (*reading, error) {
	r := &reading{m: m}
	r.Name, r.Source, r.Digest = m.Prefix+e.nature(m, c.as).Index, m.Prefix+string(c.rest), c.digest
	if err := e.reading.enter(ctx); err != nil {
		return r, err
	}
	defer e.reading.leave()
	may, left := e.reach(m, c), mostRead
	head, err := e.know[m].Read(string(c.as), io.NewSectionReader(c, 0, c.size), func(c repo.Claim) error {
		if !may(c.Name) {
			return ctx.Err()
		}
		claim := claimOf(m, c)
		if left -= claimSize + len(claim.Name) + len(claim.Digest) + len(claim.Slot) + len(claim.As); left < 0 {
			return fmt.Errorf("what it says takes more than %d bytes", mostRead)
		}
		r.claims = append(r.claims, claim)
		return ctx.Err()
	})
	r.Made, r.Expires, r.suites = head.Made, head.Expires, head.Suites
	return r, err
}

// reach returns what an index can speak of: not of what belongs to another mirror,
// and not of itself and its set, which some lists of digests name as they were when
// the list was made. Another index is spoken of only from its directory or above, and one
// that vouches for all others from above, so that no two wait for each other, and no
// suite harms another.
func (e *Engine) reach(m *config.Mirror, c content) func(rest string) bool {
	own := e.nature(m, c.as)
	set := e.nature(m, c.rest).Set
	dir, _ := path.Split(own.Index)
	return func(rest string) bool {
		n := e.nature(m, mirror.Name(rest))
		switch {
		case n.Index != "" && n.Index == own.Index, slices.Contains(set, rest), e.conf.OtherMirror(m, m.Prefix+rest):
			return false
		case n.Index == "" && len(n.Set) == 0:
			return true
		}
		below, ok := strings.CutPrefix(rest, dir)
		return ok && (len(n.Set) == 0 || strings.Contains(below, "/"))
	}
}

// unread reports whether t's published file is an index of which nothing, or
// something else, is known: so it is after the record was lost.
func (t *transfer) unread() bool {
	if t.nature.Index == "" || t.held == nil || t.generation != nil {
		return false
	}
	known, ok, err := t.e.index.IndexFile(t.ctx, t.m.Prefix+t.nature.Index)
	return err == nil && (!ok || known.Source == string(t.name) && !bytes.Equal(known.Digest, t.held.Digest))
}

// isExpected reports whether a checked part may be published as it is: it is what
// is expected, or nothing is, and its name never changes.
func (t *transfer) isExpected(part *store.Part, size int64) bool {
	if len(t.expected) == 0 {
		return !t.m.IsMutable(string(t.rest))
	}
	fits, err := matchesAny(t.expected, size, summer(part, size))
	return fits && err == nil
}
