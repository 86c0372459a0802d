package sync

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tree is a directory that tests fill.
type tree struct {
	t   *testing.T
	dir string
	at  time.Time // of the next name; each is a little older
}

func (u upstream) tree(t *testing.T) *tree {
	return &tree{t: t, dir: u.dir, at: time.Now().Add(-48 * time.Hour).Truncate(time.Second)}
}

func (tr *tree) path(name string) string { return filepath.Join(tr.dir, name) }

// file puts a file in place by one rename, as a good upstream does.
func (tr *tree) file(name string, size int) {
	tr.t.Helper()
	tr.put(name, randomBytes(name, size))
}

func (tr *tree) put(name string, body []byte) {
	tr.t.Helper()
	tr.parent(name)
	tmp := tr.dir + ".tmp"
	must(tr.t, os.WriteFile(tmp, body, 0o644))
	must(tr.t, os.Chtimes(tmp, tr.at, tr.at))
	must(tr.t, os.Rename(tmp, tr.path(name)))
	tr.at = tr.at.Add(-7 * time.Second)
}

// randomBytes are those of a name: they differ from those of every other.
func randomBytes(name string, size int) []byte {
	var seed [32]byte
	copy(seed[:], name)
	body := make([]byte, size)
	rand.NewChaCha8(seed).Read(body)
	return body
}

func (tr *tree) parent(name string) {
	tr.t.Helper()
	must(tr.t, os.MkdirAll(filepath.Dir(tr.path(name)), 0o755))
}

func (tr *tree) mkdir(name string) {
	tr.t.Helper()
	must(tr.t, os.MkdirAll(tr.path(name), 0o755))
}

func (tr *tree) symlink(name, target string) {
	tr.t.Helper()
	tr.parent(name)
	must(tr.t, os.Symlink(target, tr.path(name)))
}

func (tr *tree) hardlink(name, old string) {
	tr.t.Helper()
	tr.parent(name)
	must(tr.t, os.Link(tr.path(old), tr.path(name)))
}

func (tr *tree) remove(name string) {
	tr.t.Helper()
	must(tr.t, os.RemoveAll(tr.path(name)))
}

// age makes every directory look older than it is.
func (tr *tree) age() {
	tr.t.Helper()
	at := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	must(tr.t, filepath.WalkDir(tr.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		at = at.Add(-61 * time.Second)
		return os.Chtimes(path, at, at)
	}))
}

// oddNames are of files that every protocol has to get right.
var oddNames = []string{
	"a b", " leading", "trailing ", "100%", "%41", "a#b", "a?b", "a+b", "a&b", "a;b", "a:b", "a=b", "a,b", "a@b", "a~", "~a",
	"g[1].txt", "star*", "quo\"te", "apo'strophe", "<b>", "{x}", "$HOME", "`id`", "-rf", "é", "日本語", "a->b", "a|b", "^", "!",
	"Name", "name", "NAME", strings.Repeat("long", 60),
}

// plainTree has what every protocol can tell.
func (tr *tree) plainTree() {
	for _, name := range oddNames {
		tr.file("odd/"+name, 100+len(name))
		tr.file("dirs/"+name+".d/inside", 10)
	}
	tr.file("bytes/not utf-8 \xe9\xfe", 5)
	tr.file("zero", 0)
	tr.file("one", 1)
	tr.file("large", 3<<20+5)
	tr.file("a/b/c/d/e/f/deep", 1000)
	tr.file("changes", 2000)
	tr.file("becomes a directory", 20)
	tr.file("was a directory/file", 20)
	tr.file("goes", 20)
	tr.file("goes, too/file", 20)
}

// change makes of a plainTree what its upstream may be a day later.
func (tr *tree) change() {
	tr.at = time.Now().Add(-12 * time.Hour).Truncate(time.Second)
	tr.put("changes", []byte("another version"))
	tr.put("one", []byte("2"))
	tr.remove("becomes a directory")
	tr.file("becomes a directory/file", 30)
	tr.remove("was a directory")
	tr.file("was a directory", 30)
	tr.remove("goes")
	tr.remove("goes, too")
	tr.file("new/file", 40)
	tr.age()
}

// links adds symbolic links. Of those in refused none may be made.
func (tr *tree) links() {
	tr.symlink("link/to-file", "../one")
	tr.symlink("link/to-directory", "../a/b")
	tr.symlink("link/dangling", "../nowhere")
	tr.symlink("link/itself", ".")
	tr.symlink("link/odd -> name", "../odd/a b")
	tr.symlink("link/absolute", "/etc/hostname")
	tr.symlink("link/escapes", "../../outside")
	tr.symlink("link/back", "../odd/../../outside")
}

var refused = []string{"link/absolute", "link/escapes", "link/back"}
