package crash

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mirror/internal/origin"
)

// kind is what is special about a file.
type kind int

const (
	plain        kind = iota // one version, sent with its length
	chunked                  // one version, sent without
	mutable                  // its name says that it changes, and so it does
	aside                    // the same, and it is kept in the state directory
	rebuilt                  // it changes, though its name does not say so
	twin                     // so does this one, and keeps its size and time
	inSuite                  // it is of an archive that changes as a whole
	inSuiteAside             // the same, and it is kept in the state directory
	kinds
)

var kindNames = [kinds]string{"plain", "chunked", "mutable", "kept aside", "rebuilt", "twin", "of a suite", "of a suite kept aside"}

// file is one file of both upstreams.
type file struct {
	path string
	kind kind
	rate int64 // bytes a second; 0: no limit

	mu       sync.Mutex
	versions []origin.File // guarded by mu: all that an upstream ever had

	whole atomic.Int64 // whole answers during the storm
}

// archive is all files: sizes around every threshold, and a few larger ones,
// some slow enough to be caught in the middle.
func archive() []*file {
	var list []*file
	add := func(kind kind, name string, rate int64, sizes ...int64) {
		for _, size := range sizes {
			n := len(list)
			f := &file{path: fmt.Sprintf("/d%d/"+name, n%3, n), kind: kind, rate: rate}
			if kind == aside {
				f.path = "/aside" + f.path
			}
			f.add(uint64(n+1)<<32, size, origin.Epoch)
			list = append(list, f)
		}
	}
	const slow = 8 << 20
	add(plain, "file %d+.deb", 0, 0, 1, 4096, 64<<10, 64<<10+1, 200<<10, 1<<20, 3<<20)
	add(plain, "slow %d.deb", slow, 4096, 64<<10+1, 200<<10, 1<<20, 3<<20, 3<<20)
	add(chunked, "chunks %d.deb", 0, 0, 1, 64<<10+1, 1<<20)
	add(chunked, "slow chunks %d.deb", slow, 200<<10, 1<<20)
	add(mutable, "Index %d", 0, 100, 64<<10)
	add(mutable, "Index %d", slow, 300<<10)
	add(aside, "Index %d", 0, 100, 64<<10)
	add(aside, "Index %d", slow, 300<<10)
	add(rebuilt, "rebuilt %d.deb", slow, 90<<10, 500<<10, 2<<20)
	add(twin, "twin %d.deb", slow, 200<<10, 1<<20)
	return list
}

// add notes a version, before any upstream has it.
func (f *file) add(seed uint64, size int64, modified time.Time) origin.File {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := origin.File{Seed: seed, Size: size, ModTime: modified}
	f.versions = append(f.versions, v)
	return v
}

// next makes the version that follows.
func (f *file) next(rnd *rand.Rand) origin.File {
	f.mu.Lock()
	last := f.versions[len(f.versions)-1]
	f.mu.Unlock()
	last.Seed++
	if f.kind != twin {
		last.ModTime = last.ModTime.Add(time.Hour)
		last.Size += int64(rnd.IntN(3)) * 1000 // sometimes of the same size
	}
	return f.add(last.Seed, last.Size, last.ModTime)
}

// version returns which version b is, byte for byte.
func (f *file) version(b []byte) (origin.File, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range f.versions {
		if v.Body != nil {
			if bytes.Equal(v.Body, b) {
				return v, true
			}
			continue
		}
		if v.Size == int64(len(b)) && origin.Check(bytes.NewReader(b), v.Seed, v.Size) == nil {
			return v, true
		}
	}
	return origin.File{}, false
}

// check says what is wrong with a published file; "": nothing.
func (f *file) check(b []byte, fi fs.FileInfo) string {
	v, ok := f.version(b)
	switch {
	case !ok:
		return fmt.Sprintf("%d bytes that are not the file", len(b))
	case fi.Mode() != 0o644 || !fi.ModTime().Equal(v.ModTime):
		return fmt.Sprintf("mode %v, mtime %v, want 0644 and %v", fi.Mode(), fi.ModTime(), v.ModTime)
	}
	return ""
}

func (f *file) escaped() string { return strings.ReplaceAll(f.path, " ", "%20") }

// upstreams are two mirrors of the same archive.
type upstreams [2]*origin.Origin

func (u *upstreams) serve(list []*file) {
	for _, f := range list {
		u.set(f, f.versions[0], 0, 0)
		for _, o := range u {
			o.Behave(f.path, origin.Behaviour{Rate: f.rate, Chunked: f.kind == chunked})
		}
	}
}

// set puts a version on both, on one a moment before the other.
func (u *upstreams) set(f *file, v origin.File, first int, between time.Duration) {
	u[first].Set(f.path, v)
	time.Sleep(between)
	u[1-first].Set(f.path, v)
}

// rebuild gives files that change a new version, again and again.
func (r *rig) rebuild(stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(11, 11))
	var changing []*file
	for _, f := range r.files {
		if f.kind >= mutable {
			changing = append(changing, f)
		}
	}
	for pause(stop, time.Duration(rnd.IntN(100))*time.Millisecond) {
		f := changing[rnd.IntN(len(changing))]
		r.up.set(f, f.next(rnd), rnd.IntN(2), time.Duration(rnd.IntN(20))*time.Millisecond)
	}
}

// fail takes one upstream down for a moment, never both: every connection to
// it breaks, and the other one has to go on.
func (r *rig) fail(stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(13, 13))
	for pause(stop, time.Duration(rnd.IntN(300))*time.Millisecond) {
		o := r.up[rnd.IntN(2)]
		o.Down()
		pause(stop, time.Duration(rnd.IntN(50))*time.Millisecond)
		o.Up()
	}
}

// pause waits, and reports false when the storm is over.
func pause(stop <-chan struct{}, d time.Duration) bool {
	select {
	case <-stop:
		return false
	case <-time.After(d):
		return true
	}
}
