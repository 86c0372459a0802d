package fetch

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/config"
	"mirror/internal/origin"
	"mirror/store"
)

// treeSite mirrors /m/ from a tree of this machine, that tells links.
func treeSite(t *testing.T) (s *site, tree string) {
	t.Helper()
	s = newSite(t, "", origin.New(t))
	tree = t.TempDir()
	text := fmt.Sprintf("docroot = %q\n[[mirror]]\nprefix = \"/m/\"\nupstream = [\"file://%s/\"]\n", s.docroot, tree)
	conf, err := config.Parse([]byte(text), filepath.Join(s.dir, "mirror.toml"))
	if err != nil {
		t.Fatal(err)
	}
	s.conf = conf
	return s, tree
}

// nestedSite mirrors / and /sub/ from trees of this machine.
func nestedSite(t *testing.T, keys string) (s *site, outer, inner string) {
	t.Helper()
	s = newSite(t, "", origin.New(t))
	outer, inner = t.TempDir(), t.TempDir()
	text := fmt.Sprintf("docroot = %q\n[[mirror]]\nprefix = \"/\"\n%s\nupstream = [\"file://%s/\"]\n[[mirror]]\nprefix = \"/sub/\"\nupstream = [\"file://%s/\"]\n",
		s.docroot, keys, outer, inner)
	conf, err := config.Parse([]byte(text), filepath.Join(s.dir, "mirror.toml"))
	if err != nil {
		t.Fatal(err)
	}
	s.conf = conf
	return s, outer, inner
}

// TestNestedMirrors: what lies within a mirror and has its own upstream is not
// the outer one's, whatever that says.
func TestNestedMirrors(t *testing.T) {
	s, outer, inner := nestedSite(t, `index = "ls-lR"`)
	for _, err := range []error{
		os.Mkdir(filepath.Join(outer, "evil"), 0o755), os.WriteFile(filepath.Join(outer, "evil/f"), []byte("evil"), 0o644),
		os.Symlink("evil", filepath.Join(outer, "sub")), os.WriteFile(filepath.Join(inner, "f"), []byte("right"), 0o644),
		os.WriteFile(filepath.Join(outer, "ls-lR"), []byte(".:\ntotal 4\nlrwxrwxrwx 1 u g 4 Nov 12  2024 sub -> evil\n\n./sub:\ntotal 4\n-rw-r--r-- 1 u g 4 Nov 12  2024 outer\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	e := s.engine()
	if d, err := e.List(s.ctx(), ""); err != nil || len(d.Entries) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if got, err := s.get(e, "sub/f"); err != nil || string(got) != "right" {
		t.Errorf("%q, %v", got, err)
	}
	if d, err := e.List(s.ctx(), "sub"); err != nil || len(d.Entries) != 1 || d.Entries[0].Name != "f" {
		t.Errorf("%+v, %v", d, err)
	}
	s.settle(e)
	if fi, err := os.Lstat(s.path("sub")); err != nil || !fi.IsDir() {
		t.Errorf("the inner mirror's directory: %v", err)
	}
}

// TestSilentLister: an upstream that would tell links, and says nothing, is asked
// once and not for every directory on the way to files that another one has.
func TestSilentLister(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	}()
	o := origin.New(t)
	s := newSite(t, "", o)
	text := fmt.Sprintf("docroot = %q\n[timeouts]\nheader = \"1s\"\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%q, \"ftp://%s/\"]\n", s.docroot, o.URL+"/", silent.Addr())
	if s.conf, err = config.Parse([]byte(text), filepath.Join(s.dir, "mirror.toml")); err != nil {
		t.Fatal(err)
	}
	e := s.engine()
	for i := range 5 {
		path := fmt.Sprintf("%d/a/b/c", i)
		o.Set("/"+path, origin.File{Size: 10})
		if _, err := s.get(e, mirror.Name("m/"+path)); err != nil {
			t.Error(err)
		}
	}
	silent.Close()
	<-accepted
	if len(conns) > 1 {
		t.Errorf("asked %d times", len(conns))
	}
	for _, c := range conns {
		c.Close()
	}
}

// fetches are the transfers that published something.
func (s *site) fetches() int { return strings.Count(s.log.String(), "fetch: published") }

// TestThroughLinks: whatever way leads to a file, it is fetched once, at its
// real place.
func TestThroughLinks(t *testing.T) {
	s, tree := treeSite(t)
	for _, err := range []error{
		os.MkdirAll(filepath.Join(tree, "pool/a"), 0o755),
		os.MkdirAll(filepath.Join(tree, "deep/er"), 0o755),
		os.WriteFile(filepath.Join(tree, "pool/a/file"), []byte("content"), 0o644),
		os.Symlink("pool", filepath.Join(tree, "current")),
		os.Symlink("file", filepath.Join(tree, "pool/a/alias")),
		os.Symlink("../../current/a", filepath.Join(tree, "deep/er/up")),
		os.Symlink("/pool", filepath.Join(tree, "absolute")),
		os.Symlink("c2", filepath.Join(tree, "c1")), os.Symlink("c3", filepath.Join(tree, "c2")),
		os.Symlink("deep/c4", filepath.Join(tree, "c3")), os.Symlink("c5", filepath.Join(tree, "deep/c4")),
		os.Symlink("../c6", filepath.Join(tree, "deep/c5")), os.Symlink("pool", filepath.Join(tree, "c6")),
		os.Symlink("nowhere", filepath.Join(tree, "dangling")),
		os.Symlink("loop", filepath.Join(tree, "loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	e := s.engine()
	for i, name := range []mirror.Name{
		"m/c1/a/file", "m/deep/er/up/file", "m/deep/er/up/alias", "m/current/a/file", "m/current/a/alias", "m/pool/a/alias", "m/pool/a/file",
	} {
		engine := e
		if i%2 == 1 {
			engine = s.engine() // another process
		}
		if got, err := s.get(engine, name); err != nil || string(got) != "content" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		s.settle(engine)
		if meta, err := engine.Stat(s.ctx(), name); err != nil || meta.Size != 7 {
			t.Errorf("Stat %s: %+v, %v", name, meta, err)
		}
	}
	if n := s.fetches(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
	for link, want := range map[string]string{"current": "pool", "pool/a/alias": "file", "deep/er/up": "../../current/a"} {
		if got, err := os.Readlink(filepath.Join(s.docroot, "m", link)); got != want {
			t.Errorf("%s leads to %q, %v, want %q", link, got, err, want)
		}
	}
	if fi, err := os.Lstat(filepath.Join(s.docroot, "m/pool/a/file")); err != nil || !fi.Mode().IsRegular() {
		t.Errorf("the file is not at its place: %v", err)
	}
	for name, want := range map[mirror.Name]error{"m/dangling": mirror.ErrNotFound, "m/loop": mirror.ErrForeign} {
		if got, err := s.get(e, name); err == nil {
			t.Errorf("%s: %q, want %v", name, got, want)
		}
	}
	if _, err := os.Lstat(filepath.Join(s.docroot, "m/absolute")); err == nil {
		t.Error("an absolute link was made")
	}

	d, err := e.List(s.ctx(), "m/current/a")
	if err != nil || d.Name != "m/pool/a" || len(d.Entries) != 2 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestLinksChange: a link that leads elsewhere upstream does so here, once its
// directory is listed again; what others put in its place stays.
func TestLinksChange(t *testing.T) {
	s, tree := treeSite(t)
	for _, err := range []error{
		os.Mkdir(filepath.Join(tree, "one"), 0o755), os.Mkdir(filepath.Join(tree, "two"), 0o755),
		os.WriteFile(filepath.Join(tree, "one/f"), []byte("1"), 0o644),
		os.WriteFile(filepath.Join(tree, "two/f"), []byte("2"), 0o644),
		os.Symlink("one", filepath.Join(tree, "latest")), os.Symlink("one", filepath.Join(tree, "theirs")),
		os.MkdirAll(filepath.Join(s.docroot, "m/theirs"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	e := s.engine()
	if got, err := s.get(e, "m/latest/f"); err != nil || string(got) != "1" {
		t.Fatalf("%q, %v", got, err)
	}
	s.settle(e)
	for _, err := range []error{
		os.Remove(filepath.Join(tree, "latest")), os.Symlink("two", filepath.Join(tree, "latest")),
		os.Symlink("two", filepath.Join(tree, "new")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.clock.advance(time.Hour)
	if _, err := e.List(s.ctx(), "m"); err != nil {
		t.Fatal(err)
	}
	for _, link := range []mirror.Name{"m/latest", "m/new"} {
		if got, err := s.get(e, link+"/f"); err != nil || string(got) != "2" {
			t.Errorf("%s: %q, %v", link, got, err)
		}
	}
	if got, err := s.get(e, "m/theirs/f"); err != nil || string(got) != "1" {
		t.Errorf("through a directory that stands for a link: %q, %v", got, err)
	}
	if fi, err := os.Lstat(filepath.Join(s.docroot, "m/theirs")); err != nil || !fi.IsDir() {
		t.Errorf("others' directory gave way: %v", err)
	}
	if _, err := s.get(e, "m/none"); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
}

// TestFileBecomesDirectory: a file of ours gives way to the directory that its
// upstream has now, and to nothing else.
func TestFileBecomesDirectory(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: 10})
	o.Set("/still", origin.File{Seed: 1, Size: 10})
	s := newSite(t, "", o)
	e := s.engine()
	for _, name := range []mirror.Name{"m/a", "m/still"} {
		if _, err := s.get(e, name); err != nil {
			t.Fatal(err)
		}
	}
	s.settle(e)
	if err := os.WriteFile(filepath.Join(s.docroot, "m/theirs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o.Remove("/a")
	f := origin.File{Seed: 2, Size: 20}
	for path, published := range map[string]bool{"a/b/c": true, "still/b": false, "theirs/b": false} {
		o.Set("/"+path, f)
		if got, err := s.get(e, mirror.Name("m/"+path)); err != nil || len(got) != 20 {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
		s.settle(e)
		if _, err := os.Stat(filepath.Join(s.docroot, "m", path)); (err == nil) != published {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, name := range []string{"still", "theirs"} {
		if fi, err := os.Stat(filepath.Join(s.docroot, "m", name)); err != nil || !fi.Mode().IsRegular() {
			t.Errorf("%s gave way: %v", name, err)
		}
	}
}

// TestHardLinks: two names of one upstream file are one inode here, fetched once;
// a name that has become another file is fetched.
func TestHardLinks(t *testing.T) {
	s, tree := treeSite(t)
	old := time.Now().Add(-time.Hour)
	for _, err := range []error{
		os.Mkdir(filepath.Join(tree, "d"), 0o755), os.WriteFile(filepath.Join(tree, "d/one"), []byte("content"), 0o644),
		os.Chtimes(filepath.Join(tree, "d/one"), old, old),
		os.Link(filepath.Join(tree, "d/one"), filepath.Join(tree, "d/two")),
		os.Link(filepath.Join(tree, "d/one"), filepath.Join(tree, "d/three")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	e := s.engine()
	inode := func(name mirror.Name) uint64 {
		t.Helper()
		if got, err := s.get(e, name); err != nil || string(got) != "content" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		s.settle(e)
		fi, err := os.Lstat(s.path(name))
		if err != nil {
			t.Fatal(err)
		}
		return store.Inode(fi)
	}
	if one, two := inode("m/d/one"), inode("m/d/two"); one != two {
		t.Errorf("two files: %d and %d", one, two)
	}
	if n := s.fetches(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
	if err := os.Remove(filepath.Join(tree, "d/three")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "d/three"), []byte("another"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(time.Hour)
	if got, err := s.get(e, "m/d/three"); err != nil || string(got) != "another" {
		t.Errorf("%q, %v", got, err)
	}
}
