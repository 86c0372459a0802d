package soak

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ulikunitz/xz"

	"mirror/internal/origin"
)

// archive is a repository that is made generation by generation.
type archive interface {
	// next is what is done upstream for generation n, which counts from 1, in the
	// order in which it is done.
	next(n int) ([]change, error)
}

// change is one file that is replaced, or goes.
type change struct {
	path string // below the archive
	body []byte // nil: the file goes
	// fixed: the name had another content before. Something else may happen
	// between this change and the one before it.
	fixed bool
}

// kept is for how many generations an archive keeps what its indexes have no longer.
const kept = 8

// begun is before all generations: minutes lie between them.
var begun = time.Now().Truncate(time.Second)

// dated is the time of a generation, and of the files that are made for it. It is an
// hour ago at least, so that it tells versions apart.
func dated(n int) time.Time { return begun.Add(time.Duration(n-*updates)*time.Minute - time.Hour) }

// always are the packages that every generation has, in some version.
var always = []string{"alpha", "beta", "gamma", "delta"}

// visitor is a package that comes and goes.
const visitor = "visitor"

// item is a package in the pool.
type item struct {
	name    string
	version int // the generation that it came with
	path    string
	body    []byte
	sum     string
}

func digest(body []byte) string { return fmt.Sprintf("%x", sha256.Sum256(body)) }

// pool is what all kinds of archives have in common: packages that come and go, and
// files that are kept for some generations more.
type pool struct {
	pick    *rand.Rand
	items   map[string]item
	dropped map[int][]string // paths, by the generation that has them no longer
}

func newPool(seed uint64) pool {
	return pool{pick: rand.New(rand.NewPCG(seed, 0)), items: make(map[string]item), dropped: make(map[int][]string)}
}

// turn brings the packages to generation n: one or two have a new version, and the
// visitor has come or gone. make makes a package, but for its digest.
func (p *pool) turn(n int, make func(name string, n int) item) (changes []change) {
	renew := map[string]bool{always[p.pick.IntN(len(always))]: true, always[p.pick.IntN(len(always))]: true}
	if n == 1 {
		for _, name := range always {
			renew[name] = true
		}
	}
	if old, here := p.items[visitor]; here {
		p.drop(n, old.path)
		delete(p.items, visitor)
	} else {
		renew[visitor] = true
	}
	for _, name := range append([]string{visitor}, always...) {
		if !renew[name] {
			continue
		}
		if old, here := p.items[name]; here {
			p.drop(n, old.path)
		}
		it := make(name, n)
		it.name, it.version, it.sum = name, n, digest(it.body)
		p.items[name] = it
		changes = append(changes, change{path: it.path, body: it.body})
	}
	return changes
}

// drop notes that generation n has a file no longer.
func (p *pool) drop(n int, path string) { p.dropped[n] = append(p.dropped[n], path) }

// cleared is what has been kept for long enough.
func (p *pool) cleared(n int) (changes []change) {
	for _, path := range p.dropped[n-kept] {
		changes = append(changes, change{path: path})
	}
	delete(p.dropped, n-kept)
	return changes
}

// sorted are the packages in a constant order.
func (p *pool) sorted() (items []item) {
	for _, name := range append([]string{visitor}, always...) {
		if it, here := p.items[name]; here {
			items = append(items, it)
		}
	}
	return items
}

// filler are packages that nobody asks for: entries of the index, without a file.
const filler = 60

// content is what a package has in it, and does not compress.
func (p *pool) content() []byte {
	return origin.Bytes(p.pick.Uint64(), 20_000+p.pick.Int64N(60_000))
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out) // without a name or a time: the same bytes for the same text
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func xzipped(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&out)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	return out.Bytes(), err
}

// file is a member of a tar archive.
type file struct {
	name string
	body []byte
}

func tarred(files ...file) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		header := tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.body)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.name, "/") {
			header.Mode, header.Typeflag = 0o755, tar.TypeDir
		}
		w.WriteHeader(&header)
		w.Write(f.body)
	}
	w.Close()
	return out.Bytes()
}
