package source

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// outcome is what became of each request of a batch.
type outcome struct {
	res  Result
	err  error
	body string
}

// fetchMany fetches paths; change, if not nil, changes each request.
func fetchMany(t *testing.T, b Batcher, paths []mirror.Name, change func(i int, r *Request)) []outcome {
	t.Helper()
	requests := make([]Request, len(paths))
	files := make([]*os.File, len(paths))
	dir := t.TempDir()
	for i, path := range paths {
		requests[i] = Request{Path: path, Wrote: func(int) {}, Start: func(mirror.Meta) (*os.File, error) {
			var err error
			files[i], err = os.Create(filepath.Join(dir, fmt.Sprint(i)))
			return files[i], err
		}}
		if change != nil {
			change(i, &requests[i])
		}
	}
	outcomes := make([]outcome, len(paths))
	settled := make([]bool, len(paths))
	b.FetchMany(t.Context(), requests, func(i int, res Result, err error) {
		if settled[i] {
			t.Errorf("%q is settled twice", paths[i])
		}
		settled[i] = true
		outcomes[i] = outcome{res: res, err: err}
		if f := files[i]; f != nil {
			body, _ := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
			outcomes[i].body = string(body)
			f.Close()
		}
	})
	for i := range settled {
		if !settled[i] {
			t.Errorf("%q was never settled", paths[i])
		}
	}
	return outcomes
}

// TestRsyncMany fetches a tree whose names are ordered in another way by each
// rule but the daemon's, and whose files say where they are.
func TestRsyncMany(t *testing.T) {
	d := newRsyncDaemon(t)
	rng := rand.New(rand.NewPCG(1, 2))
	segments := []string{"a", "a-", "a.", "a b", "a!", "A", "aa", "0", "~", "\xff", "-", "a\n", "é", "#", "[a]", "*", "b", "ba", "z", "a\x01"}
	have := make(map[string]bool)
	var paths []mirror.Name
	for len(paths) < 1200 {
		path := "f" + segments[rng.IntN(len(segments))]
		for range rng.IntN(5) {
			path = segments[rng.IntN(len(segments))] + "/" + path
		}
		// A directory and a file may be each other's beginning.
		if rng.IntN(2) == 0 {
			path = strings.TrimPrefix(path, "f")
		}
		clash := have[path]
		for i := range path {
			clash = clash || path[i] == '/' && have[path[:i]]
		}
		if clash {
			continue
		}
		name := filepath.Join(d.dir, path)
		if fi, err := os.Stat(name); err == nil && fi.IsDir() {
			continue
		}
		have[path] = true
		paths = append(paths, mirror.Name(path))
		d.set(path, origin.File{Body: []byte(path)})
	}
	r := d.source("", nil)
	r.lookAgainAfter = time.Hour // a slow machine makes no connection more
	for i, o := range fetchMany(t, r, paths, nil) {
		if o.err != nil || o.body != string(paths[i]) {
			t.Fatalf("%q: %v; its body is that of %q", paths[i], o.err, o.body)
		}
	}
	if n := d.connections(); n != 3 {
		t.Errorf("%d connections for %d files", n, len(paths))
	}
}

// TestRsyncManyMixed: each of a batch meets its own fate.
func TestRsyncManyMixed(t *testing.T) {
	d := newRsyncDaemon(t)
	whole := origin.Bytes(1, size)
	var paths []mirror.Name
	for i := range 10 {
		name := fmt.Sprint(i)
		paths = append(paths, mirror.Name(name))
		d.set(name, origin.File{Seed: 1, Size: size})
	}
	paths = append(paths, "missing", "mis\\#123sing\n", "dir", "dir/missing")
	if err := os.Mkdir(filepath.Join(d.dir, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.set("large", origin.File{Seed: 2, Size: 2*maxSkip + 5})
	d.set("last", origin.File{Seed: 1, Size: size})
	paths = append(paths, "large", "last")
	r := d.source("", nil)
	meta, err := r.Stat(t.Context(), "0")
	if err != nil {
		t.Fatal(err)
	}
	objection := errors.New("no")
	part := func(body []byte) *os.File {
		a := newAttempt(t, "part", body)
		return a.file
	}
	resumed := part(whole[:250_000])
	before := d.connections()
	outcomes := fetchMany(t, r, paths, func(i int, req *Request) {
		switch req.Path {
		case "1":
			req.Held = &meta
		case "2":
			req.MaxSize = 10
		case "3", "large":
			req.Start = func(mirror.Meta) (*os.File, error) { return nil, objection }
		case "4": // a splice would be seen
			req.Part, req.Have, req.SameUpstream = part(origin.Bytes(2, 250_000)), meta, true
		case "5":
			req.Part, req.Have, req.SameUpstream = resumed, meta, true
			req.Start = func(mirror.Meta) (*os.File, error) { return resumed, nil }
		case "6":
			req.Part, req.Have = part(whole[:10]), mirror.Meta{Size: size + 1}
		case "7":
			closed := part(nil)
			closed.Close()
			req.Start = func(mirror.Meta) (*os.File, error) { return closed, nil }
		}
	})
	want := map[mirror.Name]error{
		"1": ErrNotModified, "2": mirror.ErrTooLarge, "3": objection, "large": objection, "4": mirror.ErrChanged,
		"6": mirror.ErrChanged, "7": mirror.ErrStore, "missing": mirror.ErrNotFound, "mis\\#123sing\n": mirror.ErrNotFound,
		"dir": mirror.ErrIsDirectory, "dir/missing": mirror.ErrNotFound,
	}
	for i, o := range outcomes {
		if kind := want[paths[i]]; !errors.Is(o.err, kind) {
			t.Errorf("%q: error %v, want %v", paths[i], o.err, kind)
		} else if kind == nil && paths[i] != "5" && o.body != string(whole) {
			t.Errorf("%q has %d bytes that are not the %d of the file", paths[i], len(o.body), size)
		}
	}
	if err := origin.Check(io.NewSectionReader(resumed, 0, 1<<40), 1, size); err != nil {
		t.Errorf("resumed: %v", err)
	}
	if n := d.connections() - before; n != 2 {
		t.Errorf("%d connections, want a second one instead of reading what nobody wants", n)
	}
}

// TestRsyncManyVanish: a file that is listed, and gone when its turn comes. The
// one before it is larger than what buffers between here and the daemon hold.
func TestRsyncManyVanish(t *testing.T) {
	d := newRsyncDaemon(t)
	const large = 64 << 20
	d.set("1", origin.File{Seed: 1, Size: large})
	for _, name := range []string{"2", "3", "4"} {
		d.set(name, origin.File{Body: []byte(name)})
	}
	outcomes := fetchMany(t, d.source("", nil), []mirror.Name{"1", "2", "3", "4"}, func(i int, req *Request) {
		if i != 0 {
			return
		}
		start := req.Start
		req.Start = func(m mirror.Meta) (*os.File, error) {
			for _, name := range []string{"2", "4"} {
				if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
					t.Error(err)
				}
			}
			return start(m)
		}
	})
	for i, o := range outcomes {
		switch {
		case i%2 == 1 && !errors.Is(o.err, mirror.ErrNotFound):
			t.Errorf("%d: error %v, want that it is gone", i+1, o.err)
		case i%2 == 0 && o.err != nil:
			t.Errorf("%d: %v", i+1, o.err)
		}
	}
	if outcomes[2].body != "3" {
		t.Errorf("3 is %q", outcomes[2].body)
	}
}

// TestRsyncManyLookAgain: what took long is settled only after a second look at
// all of it.
func TestRsyncManyLookAgain(t *testing.T) {
	d := newRsyncDaemon(t)
	var paths []mirror.Name
	for _, name := range []string{"1", "2", "3"} {
		d.set(name, origin.File{Body: []byte(name)})
		paths = append(paths, mirror.Name(name))
	}
	r := d.source("", nil)
	r.lookAgainAfter = 0
	outcomes := fetchMany(t, r, paths, func(i int, req *Request) {
		if i != 2 {
			return
		}
		start := req.Start
		req.Start = func(m mirror.Meta) (*os.File, error) {
			d.set("1", origin.File{Body: []byte("one")})
			return start(m)
		}
	})
	if !errors.Is(outcomes[0].err, mirror.ErrChanged) || outcomes[1].err != nil || outcomes[2].err != nil {
		t.Errorf("%v", outcomes)
	}
}

// TestRsyncManyCut: what is not settled when the connection ends shares its
// fate; what is settled, does not.
func TestRsyncManyCut(t *testing.T) {
	d := newRsyncDaemon(t)
	var paths []mirror.Name
	for i := range 20 {
		name := fmt.Sprintf("%02d", i)
		paths = append(paths, mirror.Name(name))
		d.set(name, origin.File{Seed: uint64(i), Size: 10_000})
	}
	d.next(func() { d.cut = 105_000 })
	good := 0
	for i, o := range fetchMany(t, d.source("", nil), paths, nil) {
		if o.err == nil {
			good++
			if o.body != string(origin.Bytes(uint64(i), 10_000)) {
				t.Errorf("%d is not the file", i)
			}
		} else if !errors.Is(o.err, mirror.ErrBroken) || !strings.Contains(o.err.Error(), string(paths[i])) {
			t.Errorf("%d: %v", i, o.err)
		}
	}
	if good != 10 {
		t.Errorf("%d files came through, want 10", good)
	}
}
