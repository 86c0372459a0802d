package protocols

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror"
)

// item is an object of a directory's JSON.
type item struct {
	Name     string
	NameB64  []byte `json:"name_b64"`
	Type     string
	Size     *int64
	SizeLo   int64 `json:"size_lo"`
	SizeHi   int64 `json:"size_hi"`
	MTime    string
	MTimeLo  int64 `json:"mtime_lo"`
	MTimeHi  int64 `json:"mtime_hi"`
	Symlink  bool
	Target   string
	HardLink string
	State    string
}

// size is what is said of the size: between lo and hi.
func (i *item) size() (lo, hi int64) {
	if i.Size != nil {
		return *i.Size, *i.Size
	}
	return i.SizeLo, i.SizeHi
}

// mtime is what is said of the time.
func (i *item) mtime() (lo, hi int64) {
	if at, err := http.ParseTime(i.MTime); err == nil {
		return at.Unix(), at.Unix()
	}
	return i.MTimeLo, i.MTimeHi
}

// truth is what a directory of the tree has.
func truth(dir string) map[string]*node {
	nodes := make(map[string]*node)
	for i := range tree {
		n := &tree[i]
		below, ok := strings.CutPrefix(n.path, dir+"/")
		if !ok {
			continue
		}
		if first, _, deeper := strings.Cut(below, "/"); deeper {
			nodes[first] = &node{path: dir + "/" + first, dir: true}
		} else {
			nodes[first] = n
		}
	}
	return nodes
}

// listings tell what is there, and nothing that is not.
func listings(t *testing.T, u *upstream) {
	s := u.mirror(t)
	for _, dir := range []string{"tree", "tree/sizes", "tree/names dir+%", "tree/links", "tree/deep/a/b/c", "tree/empty dir"} {
		want := truth(dir)
		for name, i := range s.list(t, dir) {
			n, ok := want[name]
			if !ok {
				t.Errorf("%s has %q, which is not there", dir, name)
				continue
			}
			delete(want, name)
			for _, wrong := range u.wrong(i, n) {
				t.Errorf("%s/%q: %s", dir, name, wrong)
			}
		}
		for name, n := range want {
			if !u.hides(n) {
				t.Errorf("%s: %q is not listed", dir, name)
			}
		}
	}
	if u.hard {
		links := s.list(t, "tree/links")
		if id := links["real"].HardLink; id == "" || id != links["hard"].HardLink {
			t.Errorf("two names of one file: %q and %q", id, links["hard"].HardLink)
		}
	}
	// What is here is known to be.
	s.wantWhole(find("tree/sizes/5m"))
	s.published("tree/sizes/5m")
	sizes := s.list(t, "tree/sizes")
	if sizes["5m"].State != "here" || sizes["one"].State != "upstream" {
		t.Errorf("states %q and %q", sizes["5m"].State, sizes["one"].State)
	}
	if !u.is("ftp", "ftps") { // whose lists end their lines with what the name has
		if list := s.list(t, "tree/newline"); len(list) != 2 || list["new\nline"] == nil {
			t.Errorf("a name with a newline is not among %v", list)
		}
	}
}

// list gets a directory as JSON, and holds the page against it.
func (s *site) list(t *testing.T, dir string) map[string]*item {
	t.Helper()
	a := s.ask("GET", dir+"/", "?format=json")
	var items []*item
	if err := json.Unmarshal(a.body, &items); a.status != 200 || a.err != nil || err != nil {
		t.Fatalf("%s: %d, %v, %v: %.200q", dir, a.status, a.err, err, a.body)
	}
	byName := make(map[string]*item)
	var names []string
	for _, i := range items {
		name := i.Name + string(i.NameB64)
		byName[name] = i
		names = append(names, name)
	}
	slices.Sort(names)
	if on := s.page(t, dir); !slices.Equal(on, names) {
		t.Errorf("%s: the page has %q,\nthe JSON %q", dir, on, names)
	}
	return byName
}

var href = regexp.MustCompile(`href="([^"]*)"`)

// page returns the names to which the links of a directory's page lead.
func (s *site) page(t *testing.T, dir string) (names []string) {
	t.Helper()
	a := s.ask("GET", dir+"/", "")
	base := "/m/" + dir + "/"
	for _, m := range href.FindAllStringSubmatch(string(a.body), -1) {
		link := html.UnescapeString(m[1])
		switch {
		case strings.HasPrefix(link, "data:"): // the page's icon
			continue
		case !strings.HasPrefix(link, "/"):
			link = "/m/" + mirror.Name(dir).Escape() + "/" + strings.TrimPrefix(link, "./")
		}
		target, err := mirror.ParseTarget(link, base)
		if err == nil && target.Name != "" {
			names = append(names, string(target.Name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// hides reports whether the protocol's servers leave a name out of their listings.
func (p *protocol) hides(n *node) bool {
	return (p.is("http") || p.name == "proftpd") && n.base() == "dangling"
}

// wrong is what a listing says that is not so, or says less exactly than it could.
func (p *protocol) wrong(i *item, n *node) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if n.link != "" {
		switch {
		case !p.linked:
		case !i.Symlink || i.Type != "other":
			say("type %q, and it is a link", i.Type)
		case i.Target != n.link && !strings.HasPrefix(n.link, "/"):
			say("leads to %q, not %q", i.Target, n.link)
		}
		return wrong
	}
	if n.dir {
		if i.Type != "directory" {
			say("type %q, and it is a directory", i.Type)
		}
		return wrong
	}
	if i.Type != "file" || i.Symlink {
		say("type %q, and it is a file", i.Type)
	}
	if lo, hi := i.size(); n.size < lo || n.size > hi || hi-lo > n.size*p.listSize/1000 {
		say("%d to %d bytes, and it has %d", lo, hi, n.size)
	}
	if lo, hi := i.mtime(); n.mtime.Unix() < lo || n.mtime.Unix() > hi || hi-lo > p.listTime {
		say("of %s to %s, and it is of %s", time.Unix(lo, 0).UTC(), time.Unix(hi, 0).UTC(), n.mtime)
	}
	return wrong
}
