package protocols

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mirror/internal/origin"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30

	huge = 5 * gib // sparse: only for questions, and ranges
)

// node is one name of the tree.
type node struct {
	path   string
	size   int64
	seed   uint64    // of the synthetic content
	link   string    // a symbolic link's target
	same   string    // the path of which this is another name
	dir    bool      //
	mtime  time.Time // with a part of a second, which few protocols tell
	sparse bool
}

func (n *node) base() string { return filepath.Base(n.path) }

// tree is what every server serves, below the directory "tree"; no test changes
// it. What tests change is in directories of their own, beside it.
var tree = slices.Concat(
	files("tree/sizes", 0, "empty"), files("tree/sizes", 1, "one"),
	files("tree/sizes", 64*kib, "64k"), files("tree/sizes", 5*mib, "5m"),
	[]node{{path: "tree/sizes/huge", size: huge, sparse: true}},
	files("tree/names dir+%", 100,
		"a b", " before", "after ", "100%", "%41", "a%2Fb", "h#f", "q?m=1", "?C=N;O=D", "a+b", "~t~", "[glob]*", "g1", "g*", "{a,b}",
		"ünï–日本", "latin\xe9", "a;b=c,d:e@f&g", `"quoted"'s`, "<b>&amp;|^`$!()", "-rf", "--help", "a..b", "x -> y", "index of", "CASE", "case",
		strings.Repeat("n", 200)),
	// Not every server can give such a file, nor every listing show it.
	files("tree/newline", 100, "new\nline", "plain"),
	files("tree/deep/a/b/c/d/e/f/g/h/i/j", 100, "file"),
	files("tree/links", 1000, "real"),
	[]node{
		{path: "tree/links/hard", same: "tree/links/real", size: 1000},
		{path: "tree/links/inside", link: "real"},
		{path: "tree/links/again", link: "inside"},
		{path: "tree/links/down", link: "../deep/a/b"},
		{path: "tree/links/dangling", link: "none"},
		{path: "tree/links/absolute", link: "/nowhere/one"}, // makeTree knows where
		{path: "tree/links/escaping", link: "../../../outside"},
		{path: "tree/empty dir", dir: true},
	},
)

// files are files of one size in one directory. Their contents differ.
func files(dir string, size int64, names ...string) []node {
	list := make([]node, len(names))
	for i, name := range names {
		list[i] = node{path: dir + "/" + name, size: size, seed: uint64(len(dir))<<32 | uint64(size)<<8 | uint64(i)}
	}
	return list
}

// find returns a node of the tree.
func find(path string) *node {
	i := slices.IndexFunc(tree, func(n node) bool { return n.path == path })
	if i < 0 {
		panic("the tree has no " + path)
	}
	return &tree[i]
}

// makeTree writes the tree below root, and beside root what leads out of it.
func makeTree(root string) error {
	for i := range tree {
		n := &tree[i]
		n.mtime = origin.Epoch.Add(time.Duration(i)*(25*time.Hour+time.Minute+7*time.Second) + 123456789)
		if err := n.make(root); err != nil {
			return err
		}
	}
	outside := node{path: "outside", size: 10, seed: 1, mtime: origin.Epoch}
	if err := outside.make(filepath.Dir(root)); err != nil {
		return err
	}
	return settleDirs(root)
}

func (n *node) make(root string) error {
	path := filepath.Join(root, n.path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	switch {
	case n.dir:
		return os.Mkdir(path, 0o755)
	case n.link != "":
		if filepath.IsAbs(n.link) {
			n.link = filepath.Join(root, "tree/sizes/one")
		}
		return os.Symlink(n.link, path)
	case n.same != "":
		of := find(n.same)
		n.seed, n.mtime = of.seed, of.mtime
		return os.Link(filepath.Join(root, n.same), path)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if n.sparse {
		err = f.Truncate(n.size)
	} else {
		_, err = io.Copy(f, origin.Synthetic(n.seed, n.size))
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = os.Chtimes(path, n.mtime, n.mtime)
	}
	return err
}

// settleDirs gives the directories times that are as old as those of the files.
func settleDirs(root string) error {
	return filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		at := origin.Epoch.Add(time.Duration(len(path)) * time.Minute)
		return os.Chtimes(path, at, at)
	})
}
