package lines

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"mirror/listing"
)

// readTree reads text and returns its entries by path.
func readTree(t *testing.T, text string, o Options) (map[string]listing.Entry, Tree, error) {
	t.Helper()
	entries := make(map[string]listing.Entry)
	tree, err := ReadTree(strings.NewReader(text), o, func(dir string, list []listing.Entry) error {
		for _, e := range list {
			if !listing.ValidName(e.Name) {
				t.Errorf("invalid name %q in %q", e.Name, dir)
			}
			if dir != "" && !validPath(dir) {
				t.Errorf("invalid directory %q", dir)
			}
			path := strings.TrimPrefix(dir+"/"+e.Name, "/")
			if _, twice := entries[path]; !twice {
				entries[path] = e
			}
		}
		return nil
	})
	return entries, tree, err
}

func validPath(path string) bool {
	return !slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return !listing.ValidName(s) })
}

// sameTree makes a tree with all that is difficult but newlines.
func newTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"a b/c", "x/y/z", "dists/stable:/main", `back\slash`, "-dash"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i, file := range []string{
		"README", "a b/c/f:", "a b/c/drwxr-xr-x 2 root root 4096 Nov 12 10:20 x:", "x/one", "x/y/lat\xe9", "x/y/ lead", "x/y/trail ",
		"x/y/日本語", `x/y/back\slash`, `x/y/\#101`, `x/y/q"q`, "x/y/tab\there", "dists/stable:/main/Packages.gz", "-dash/12:30 x", "x/y/a -> b",
	} {
		path := filepath.Join(root, file)
		if err := os.WriteFile(path, make([]byte, i*i), 0o640); err != nil {
			t.Fatal(err)
		}
		when := time.Date(2001+i, time.Month(1+i%12), 1+i, 10, 20, i, 0, time.UTC)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"link": "x/one", "x/a -> b": "c -> d", "a b/up": "../x/y", "x/none": "/no such"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(root, "x/one"), filepath.Join(root, "a b/two")); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestTreeOfPrograms reads what programs print of a real tree.
func TestTreeOfPrograms(t *testing.T) {
	root := newTree(t)
	for _, c := range []struct {
		format  string
		command []string
		exact   bool // the times
		links   bool // hard links are shown
	}{
		{"ls-lR", []string{"ls", "-lR"}, false, false},
		{"ls-lR", []string{"ls", "-lRA", "--full-time", root}, true, false},
		{"ls-lR", []string{"ls", "-lRaF", root + "/"}, false, false},
		{"ls-lR", []string{"ls", "-lisR", "--time-style=+%s"}, true, true},
		{"find-ls", []string{"find", ".", "-ls"}, false, true},
		{"find-ls", []string{"find", root, "-ls"}, false, true},
		{"rsync", []string{"rsync", "-rl", "--list-only", "--no-h", "."}, true, false},
		{"rsync-items", []string{"rsync", "-rlptnH", "--no-h", "--out-format=%i|%l|%M|%B|%n|%L", ".", "/nonexistent/"}, true, true},
	} {
		t.Run(strings.Join(c.command[:2], " "), func(t *testing.T) {
			cmd := exec.Command(c.command[0], c.command[1:]...)
			cmd.Dir, cmd.Env = root, append(os.Environ(), "LC_ALL=C", "TZ=UTC")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %v", c.command, err)
			}
			got, tree, err := readTree(t, string(out), Options{Clock: listing.Clock{Zone: time.UTC}})
			if err != nil {
				t.Fatal(err)
			}
			if tree.Format != c.format || !tree.Ended || tree.Unread > 0 || tree.Entries != len(got) {
				t.Errorf("%+v of %d entries", tree, len(got))
			}
			sameAsDisk(t, root, got, c.exact)
			// The second name of a file tells of the first, by its inode or its path.
			second, first := got["x/one"].HardLink, got["a b/two"].HardLink
			if first != "" && second == "" {
				second, first = first, second
			}
			if c.links != (second != "") || first != second && first != "" {
				t.Errorf("hard links: %q and %q", first, second)
			}
		})
	}
}

// sameAsDisk compares entries with what is below root.
func sameAsDisk(t *testing.T, root string, got map[string]listing.Entry, exact bool) {
	t.Helper()
	seen := 0
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == root {
			return err
		}
		seen++
		rel, _ := filepath.Rel(root, path)
		e, ok := got[rel]
		if !ok {
			t.Errorf("missed %q", rel)
			return nil
		}
		var want listing.Type
		switch info.Mode().Type() {
		case 0:
			want = listing.File
			if e.Size != listing.Exactly(info.Size()) {
				t.Errorf("%q: size %+v", rel, e.Size)
			}
		case os.ModeDir:
			want = listing.Dir
		case os.ModeSymlink:
			want = listing.Symlink
			if target, _ := os.Readlink(path); e.Target != target {
				t.Errorf("%q: target %q, want %q", rel, e.Target, target)
			}
		}
		if e.Type != want {
			t.Errorf("%q: %v, want %v", rel, e.Type, want)
		}
		if bits, known := e.Mode.Bits(); !known || os.FileMode(bits) != info.Mode().Perm() {
			t.Errorf("%q: mode %o", rel, bits)
		}
		if m := info.ModTime().Unix(); !e.MTime.Known || !e.MTime.Holds(m) || exact && !e.MTime.Exact() {
			t.Errorf("%q: time %+v, want %d", rel, e.MTime, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(got) {
		t.Errorf("%d entries, there are %d: %q", len(got), seen, slices.Sorted(maps.Keys(got)))
	}
}

// TestTreeOfText reads lists that are not what the programs of this machine
// print, and such as nobody should print.
func TestTreeOfText(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string // "path type", in order
		unread     int
		notEnded   bool
	}{
		{name: "BSD, without the root's name", text: "total 1\ndrwxr-xr-x  2 a  b  512 Nov 12 2024 pub\n\n./pub:\ntotal 1\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n",
			want: "pub dir, pub/f file"},
		{name: "two directories", text: "dists:\ntotal 1\ndrwxr-xr-x  2 a  b  512 Nov 12 2024 d\n\ndists/d:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n\npool:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n",
			want: "dists/d dir, dists/d/f file, pool/f file"},
		{name: "outside of the root", text: "/pub/a:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n\n/pub/b:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n\n/pub/a/../b:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n",
			want: "f file", unread: 2},
		{name: "names with paths", text: ".:\n-rw-r--r--  1 a  b  5 Nov 12 2024 ../f\n-rw-r--r--  1 a  b  5 Nov 12 2024 g\n-rw-r--r--  1 a  b  5 Nov 12 2024 /etc/passwd\n",
			want: "g file", unread: 2},
		{name: "hostile headlines", text: ".:\n-rw-r--r--  1 a  b  5 Nov 12 2024 g\n\n./../x:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n\n/etc:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n\n./a//b:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n\n./a/\x00:\n",
			want: "g file", unread: 4},
		{name: "errors between", text: ".:\nls: ./x: Permission denied\n-rw-r--r--  1 a  b  5 Nov 12 2024 g\n",
			want: "g file", unread: 1},
		{name: "cut", text: ".:\n-rw-r--r--  1 a  b  5 Nov 12 2024 g\n-rw-r--r--  1 a  b  5 Nov",
			want: "g file", unread: 1, notEnded: true},
		{name: "repeated", text: ".:\n-rw-r--r--  1 a  b  5 Nov 12 2024 g\ndrwxr-xr-x  1 a  b  5 Nov 12 2024 g\n",
			want: "g file"},
		{name: "an empty tree", text: ".:\ntotal 0\n", want: ""},
		{name: "find of BSD", text: " 1 4 drwxr-xr-x  2 a  b  512 Nov 12 2024 .\n 2 4 -rw-r--r--  1 a  b  5 Nov 12 2024 ./a b\\c\n",
			want: `a b\c file`},
		{name: "find with paths outside", text: " 1 4 drwxr-xr-x  2 a  b  512 Nov 12 2024 /pub\n 2 4 -rw-r--r--  1 a  b  5 Nov 12 2024 /pub/a/b\n 2 4 -rw-r--r--  1 a  b  5 Nov 12 2024 /pub/../a\n 2 4 -rw-r--r--  1 a  b  5 Nov 12 2024 /etc/passwd\n 3 4 -rw-r--r--  1 a  b  5 Nov 12 2024 /pub/a\\057\\057b\n",
			want: "a/b file", unread: 3},
		{name: "Fedora", text: "[Version]\n2\n# Generated at\n\n[Files]\n1731406830\td\t4096\tlinux\n1731406830\tf-\t5\tlinux/a  b\n-5\tl\t7\tlinux/l\n1731406830\tf\t5\t../x\n1731406830\tf\t5\t/x\n1731406830\tf\t5\n\n[Checksums SHA1]\n0123\tlinux/a\n[End]\n",
			want: "linux dir, linux/a  b file, linux/l symlink", unread: 3},
		{name: "Fedora, cut", text: "[Version]\n2\n[Files]\n1731406830\td\t4096\tlinux\n", want: "linux dir", notEnded: true},
		{name: "rsync with a greeting", text: "Welcome\n-rw-r--r--   4 2024/11/12 10:20:30 fake\ndrwxr-xr-x   4 2024/11/12 10:20:30 .\n-rw-r--r--   4 2024/11/12 10:20:30 fake2\n\ndrwxr-xr-x   4096 2024/11/12 10:20:30 .\n-rw-r--r--   4 2024/11/12 10:20:30 real/f\n",
			want: "real/f file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			tree, err := ReadTree(strings.NewReader(c.text), Options{}, func(dir string, entries []listing.Entry) error {
				for _, e := range entries {
					got = append(got, strings.TrimPrefix(dir+"/"+e.Name, "/")+" "+e.Type.String())
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(got, ", "); s != c.want || tree.Unread != c.unread || tree.Ended == c.notEnded {
				t.Errorf("got %q, want %q; %+v, want %d unread", s, c.want, tree, c.unread)
			}
		})
	}
}

// TestTreeErrors reads what is no list of a tree.
func TestTreeErrors(t *testing.T) {
	stop := errors.New("stop")
	const tree = ".:\n-rw-r--r--  1 a  b  5 Nov 12 2024 f\n-rw-r--r--  1 a  b  5 Nov 12 2024 g\n"
	for name, c := range map[string]struct {
		r     io.Reader
		o     Options
		yield error
		want  error
	}{
		"empty":               {r: strings.NewReader(""), want: ErrNoTree},
		"a page":              {r: strings.NewReader("<!DOCTYPE html>\n<html>\n"), want: ErrNoTree},
		"one directory":       {r: strings.NewReader("-rw-r--r--  1 a  b  5 Nov 12 2024 f\n"), want: ErrNoTree},
		"the consumer's":      {r: strings.NewReader(tree), yield: stop, want: stop},
		"too many":            {r: strings.NewReader(tree), o: Options{MaxEntries: 1}, want: ErrTooLarge},
		"too long":            {r: strings.NewReader(strings.Repeat(tree, 10_000)), o: Options{MaxBytes: 1 << 10}, want: ErrTooLarge},
		"a bomb, gzip":        {r: gzipped(t, tree, 4<<20), o: Options{MaxBytes: 1 << 20}, want: ErrTooLarge},
		"a bomb, xz":          {r: xzipped(t, tree, 4<<20), o: Options{MaxBytes: 1 << 20}, want: ErrTooLarge},
		"one line, no end":    {r: gzipped(t, "", 4<<20), o: Options{MaxBytes: 1 << 20}, want: ErrTooLarge},
		"cut, gzip":           {r: io.LimitReader(gzipped(t, strings.Repeat(tree, 100), 0), 60), want: io.ErrUnexpectedEOF},
		"cut, xz":             {r: io.LimitReader(xzipped(t, strings.Repeat(tree, 100), 0), 80), want: io.ErrUnexpectedEOF},
		"cut in the header":   {r: io.LimitReader(gzipped(t, tree, 0), 5), want: io.ErrUnexpectedEOF},
		"broken while read":   {r: io.MultiReader(strings.NewReader(tree), broken{stop}), want: stop},
		"broken at the start": {r: broken{stop}, want: stop},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadTree(c.r, c.o, func(string, []listing.Entry) error { return c.yield })
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// gzipped packs text and as many zeros.
func gzipped(t *testing.T, text string, zeros int64) io.Reader {
	return packed(t, text, zeros, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

func xzipped(t *testing.T, text string, zeros int64) io.Reader {
	return packed(t, text, zeros, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })
}

func packed(t *testing.T, text string, zeros int64, by func(io.Writer) (io.WriteCloser, error)) io.Reader {
	t.Helper()
	var file bytes.Buffer
	w, err := by(&file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	nothing := make([]byte, 1<<20)
	for ; zeros > 0; zeros -= int64(len(nothing)) {
		if _, err := w.Write(nothing); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &file
}

// TestPackedTree reads packed lists as it reads others.
func TestPackedTree(t *testing.T) {
	text := manyDirs(50, 20)
	want, _, err := readTree(t, text, Options{})
	if err != nil || len(want) != 50*21 {
		t.Fatal(len(want), err)
	}
	for name, r := range map[string]io.Reader{"gzip": gzipped(t, text, 0), "xz": xzipped(t, text, 0)} {
		file, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got, tree, err := readTree(t, string(file), Options{})
		if err != nil || !maps.Equal(got, want) || !tree.Ended {
			t.Errorf("%s: %d entries, want %d: %+v, %v", name, len(got), len(want), tree, err)
		}
	}
}

// TestXZMemory refuses a file that asks for 4 GiB before it has any data.
func TestXZMemory(t *testing.T) {
	file, err := io.ReadAll(xzipped(t, ".:\n", 0))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(file, []byte{0x21, 1}) + 2
	file[at] = 40
	_, err = ReadTree(bytes.NewReader(file), Options{}, nil)
	if err == nil || !strings.Contains(err.Error(), "MiB of memory") {
		t.Errorf("got %v", err)
	}
}

// manyDirs is an ls -lR of so many directories with so many files each.
func manyDirs(dirs, files int) string {
	var s strings.Builder
	s.WriteString(".:\ntotal 4\n")
	for d := range dirs {
		fmt.Fprintf(&s, "drwxr-xr-x 2 root root 4096 Nov 12 10:20 dir%d\n", d)
	}
	for d := range dirs {
		fmt.Fprintf(&s, "\n./dir%d:\ntotal 4\n", d)
		for f := range files {
			fmt.Fprintf(&s, "-rw-r--r-- 1 root root %d Nov 12  2024 package-%d_1.2.3-4.tar.gz\n", 1000*f, f)
		}
	}
	return s.String()
}
