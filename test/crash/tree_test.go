package crash

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// tree is a directory of this machine, with links, that changes while mirrorctl sync
// brings it again and again.
type tree struct {
	dir     string
	mu      sync.Mutex // held while something changes
	changes int        // guarded by mu
	synced  int        // how many syncs have ended well
}

const treePrefix = "/tree/"

func (r *rig) newTree() *tree {
	t := &tree{dir: r.t.TempDir()}
	rnd := rand.New(rand.NewPCG(23, 23))
	for range 60 {
		if err := t.change(rnd); err != nil {
			r.t.Fatal(err)
		}
	}
	return t
}

// text is a version of a file, and tells by itself whether it is whole.
func text(n, size int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%08d %08d\n", n, size), size)
}

func isText(b []byte) bool {
	var n, size int
	_, err := fmt.Sscanf(string(b[:min(len(b), 18)]), "%08d %08d\n", &n, &size)
	return err == nil && bytes.Equal(b, text(n, size))
}

// change does one thing to the tree: a file of another content, or none, a link, or a
// directory that goes with all that is in it.
func (t *tree) change(rnd *rand.Rand) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes++
	dir := filepath.Join(t.dir, fmt.Sprintf("d%d", rnd.IntN(4)), fmt.Sprintf("e%d", rnd.IntN(3)))
	if rnd.IntN(40) == 0 {
		return os.RemoveAll(filepath.Dir(dir))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("f%d", rnd.IntN(8)))
	made := path + ".new"
	switch rnd.IntN(8) {
	case 0:
		return os.RemoveAll(path)
	case 1, 2:
		if err := os.Symlink(fmt.Sprintf("../e%d/f%d", rnd.IntN(3), rnd.IntN(8)), made); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(made, text(t.changes, 1+rnd.IntN(20)*rnd.IntN(1000)), 0o644); err != nil {
			return err
		}
		when := begun.Add(time.Duration(t.changes)*time.Second - 48*time.Hour)
		if err := os.Chtimes(made, when, when); err != nil {
			return err
		}
	}
	return os.Rename(made, path)
}

// run changes the tree until the storm is over.
func (t *tree) run(stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(29, 29))
	for pause(stop, time.Duration(rnd.IntN(50))*time.Millisecond) {
		t.change(rnd)
	}
}

// syncing syncs the tree until the storm is over.
func (r *rig) syncing(stop <-chan struct{}) {
	for pause(stop, 10*time.Millisecond) {
		if _, err := r.sync(); err == nil {
			r.tree.synced++
		}
	}
}

func (r *rig) sync() ([]byte, error) {
	return r.command("mirrorctl", "--config", r.conf(0), "sync", treePrefix, "--delete", "--max-delete", "1000").CombinedOutput()
}

// syncTree syncs the tree once its upstream is at rest, and compares both.
func (r *rig) syncTree() {
	if out, err := r.sync(); err != nil {
		r.t.Errorf("sync after the storm: %v\n%s", err, out)
	}
	want, got := r.describe(r.tree.dir), r.describe(r.docroot()+treePrefix)
	for path, what := range want {
		if got[path] != what {
			r.t.Errorf("%s%s after the storm: %q, want %q", treePrefix, path, got[path], what)
		}
	}
	for path, what := range got {
		if want[path] == "" {
			r.t.Errorf("%s%s after the storm: %q, which upstream does not have", treePrefix, path, what)
		}
	}
}

// checkSynced looks at what is here of the tree, however far a sync came: files are
// whole. It returns how many there are.
func (r *rig) checkSynced() (files int) {
	for path, what := range r.describe(r.docroot() + treePrefix) {
		if what == broken {
			r.t.Errorf("%s%s is no version of any file", treePrefix, path)
		}
		if strings.HasPrefix(what, "file") {
			files++
		}
	}
	return files
}

const broken = "broken"

// describe says of each name below dir what it is: of files the time and version too,
// of links where they lead.
func (r *rig) describe(dir string) map[string]string {
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err) && p == dir:
			return nil
		case err != nil:
			return err
		}
		path, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		var what string
		fi, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.IsDir():
			what = "directory"
		case fi.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			what = "link to " + to
		default:
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			if what = broken; isText(b) && fi.Mode() == 0o644 {
				what = fmt.Sprintf("file of %v, %d bytes, %.17s", fi.ModTime().UTC(), len(b), b)
			}
		}
		all[path] = what
		return nil
	})
	if err != nil {
		r.t.Error(err)
	}
	return all
}
