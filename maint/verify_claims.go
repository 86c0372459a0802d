package maint

import (
	"fmt"
	"hash"
	"io"
	"os"

	"mirror"
	"mirror/repo"
	"mirror/store/index"
)

// claims is what the repository's indexes say of a file, and what it comes to.
type claims struct {
	list []index.Expected
	sums map[repo.Algorithm]hash.Hash // of the algorithms that take the bytes as they are read
}

func (v *verifying) claims(rec index.Record) *claims {
	c := &claims{list: v.Engine.Expectations(v.ctx, mirror.Name(rec.Name)), sums: make(map[repo.Algorithm]hash.Hash)}
	for _, e := range c.list {
		a := repo.Algorithm(e.Algorithm)
		if h := a.New(); h != nil && a != repo.SHA256 { // that one is made in any case
			c.sums[a] = h
		}
	}
	return c
}

func (c *claims) hashes() []io.Writer {
	var list []io.Writer
	for _, h := range c.sums {
		list = append(list, h)
	}
	return list
}

func (c *claims) reset() {
	for _, h := range c.sums {
		h.Reset()
	}
}

// isRight reports whether a file that was read is what one claim says. What the
// claim does not tell is right.
func (c *claims) isRight(e index.Expected, f *os.File, size int64, sha256 []byte) (bool, error) {
	if e.Size >= 0 && e.Size != size {
		return false, nil
	}
	switch a := repo.Algorithm(e.Algorithm); {
	case e.Digest == "":
		return true, nil
	case a == repo.SHA256:
		return e.Digest == string(sha256), nil
	case c.sums[a] != nil:
		return e.Digest == string(c.sums[a].Sum(nil)), nil
	default: // of a part of the file
		sum, err := repo.Sum(a, io.NewSectionReader(f, 0, size))
		return e.Digest == sum, err
	}
}

// compare returns the verdict on a file that is as it was fetched, or of which
// that is not known: right if any index says so, or none says anything.
func (v *verifying) compare(rec index.Record, f *os.File, digest []byte, c *claims) (Verdict, error) {
	verdict := Verdict{Name: mirror.Name(rec.Name), State: Right}
	for _, e := range c.list {
		right, err := c.isRight(e, f, rec.Size, digest)
		if right {
			verdict.State, verdict.Text = Right, ""
			break
		}
		by := "its name"
		if e.Via != "" {
			by = Quote(mirror.Name(e.Via))
		}
		verdict.State, verdict.Text = Wrong, by+" says another digest or size"
		if err != nil {
			verdict.Text = fmt.Sprintf("%s says its %s, and it has none: %v", by, repo.Algorithm(e.Algorithm), err)
		}
	}
	if rec.Digest != nil || v.DryRun || verdict.State != Right {
		return verdict, nil
	}
	verdict.Done = Recorded
	return verdict, v.Engine.Index().Digested(v.ctx, rec, digest)
}
