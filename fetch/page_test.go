package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/config"
	"mirror/internal/origin"
)

const (
	pageName  = "simple/hello/index.html"
	jsonName  = "simple/hello/index.v1_json"
	wheelName = "files/hello-1.0-py3-none-any.whl"
)

// python is a Python index of one project, and its mirror.
type python struct {
	*site
	o      *origin.Origin
	e      *Engine
	serial int
}

func newPython(t *testing.T, extra string) *python {
	o := origin.New(t)
	p := &python{site: newSite(t, "max_age = \"1m\"\nnegative_ttl = \"0s\"\n"+extra, o), o: o}
	p.e = p.engine()
	p.release("the wheel", "the metadata")
	return p
}

func (p *python) set(path, body string) {
	typ := "text/html"
	if strings.HasPrefix(path, "files/") {
		typ = "application/octet-stream"
	}
	p.o.Set("/"+path, origin.File{Body: []byte(body), ContentType: typ, ModTime: origin.Epoch.Add(time.Duration(p.serial) * time.Hour)})
}

// release makes a new version of everything.
func (p *python) release(wheel, metadata string) {
	p.serial++
	p.set(wheelName, wheel)
	p.set(wheelName+".metadata", metadata)
	p.set("simple/hello/", fmt.Sprintf(`<html><head><title>Links for hello</title></head><body><a href="../../%s#sha256=%s" data-core-metadata="sha256=%s">x</a></body></html>`,
		wheelName, sum(wheel), sum(metadata)))
}

func (p *python) page() string {
	b, _ := p.o.Body("/simple/hello/")
	return string(b)
}

// want gets a file of the mirror.
func (p *python) want(name, content string) {
	p.t.Helper()
	if got, err := p.get(p.e, mirror.Name("m/"+name)); err != nil || string(got) != content {
		p.t.Errorf("%s: %q, %v, want %q", name, got, err, content)
	}
	p.settle(p.e)
}

func (p *python) wantWrong(name string) {
	p.t.Helper()
	if got, err := p.get(p.e, mirror.Name("m/"+name)); !errors.Is(err, mirror.ErrWrong) {
		p.t.Errorf("%s: %q, %v, want %v", name, got, err, mirror.ErrWrong)
	}
	p.settle(p.e)
	if _, err := os.Stat(p.path(mirror.Name("m/" + name))); err == nil {
		p.t.Errorf("%s was published", name)
	}
}

// TestPageClaims: a wheel, or its metadata, that is not what the page says never
// comes to its name.
func TestPageClaims(t *testing.T) {
	for _, profile := range []string{"auto", "pypi"} {
		p := newPython(t, fmt.Sprintf("profile = %q\n", profile))
		p.want(pageName, p.page())
		p.set(wheelName, "the whale")
		p.set(wheelName+".metadata", "the petadata")
		p.wantWrong(wheelName)
		p.wantWrong(wheelName + ".metadata")
		p.set(wheelName, "the wheel")
		p.set(wheelName+".metadata", "the metadata")
		p.clock.advance(2 * leastWrong)
		p.want(wheelName, "the wheel")
		p.want(wheelName+".metadata", "the metadata")
		p.wantNoParts()
	}
}

// TestPageClaimsJSON: the same for the page in JSON, which tells sizes, too.
func TestPageClaimsJSON(t *testing.T) {
	p := newPython(t, "profile = \"pypi\"\n")
	p.o.Set("/simple/hello/", origin.File{Body: fmt.Appendf(nil,
		`{"meta": {"api-version": "1.1"}, "files": [{"url": "../../%s", "hashes": {}, "size": 9, "core-metadata": {"sha256": %q}}]}`, wheelName, sum("the metadata"))})
	p.want(jsonName, p.page())
	p.set(wheelName, "the wheel, and more")
	p.set(wheelName+".metadata", "the petadata")
	p.wantWrong(wheelName)
	p.wantWrong(wheelName + ".metadata")
}

// TestPageRefresh: the page is confirmed as any mutable file is, and what it names
// of what is here changes with it.
func TestPageRefresh(t *testing.T) {
	p := newPython(t, "")
	first := p.page()
	p.want(pageName, first)
	p.want(pageName, first)
	if n := p.o.Count("/simple/hello/", ""); n != 1 {
		t.Errorf("a fresh page was asked for %d times", n)
	}
	p.clock.advance(2 * time.Minute)
	p.want(pageName, first)
	asked := p.o.Requests()
	if last := asked[len(asked)-1]; last.Path != "/simple/hello/" || last.Status != 304 {
		t.Errorf("%s: %d", last.Path, last.Status)
	}
	p.want(wheelName, "the wheel")
	p.clock.advance(2 * time.Minute)
	p.release("another wheel", "other metadata")
	p.want(pageName, first) // it is due, and meanwhile the old one is the answer
	p.want(pageName, p.page())
	p.want(wheelName, "another wheel")
	if kept, err := os.ReadFile(filepath.Join(p.conf.State, "mutable/m", pageName)); err != nil || string(kept) != p.page() {
		t.Errorf("kept: %q, %v", kept, err)
	}
	if files := p.docFiles(); len(files) != 1 {
		t.Errorf("the docroot has %q", files)
	}
	p.wantNoParts()
}

// TestPageMovedOn: a wheel that does not fit to a page that is out of date is no
// wrong one.
func TestPageMovedOn(t *testing.T) {
	p := newPython(t, "")
	p.want(pageName, p.page())
	p.release("another wheel", "other metadata")
	p.want(wheelName, "another wheel")
	p.want(pageName, p.page())
}

// TestPageOfPortal: what comes in place of a page that is here, and is none, does not
// replace it.
func TestPageOfPortal(t *testing.T) {
	for _, profile := range []string{"auto", "pypi"} {
		p := newPython(t, fmt.Sprintf("profile = %q\n", profile))
		page := p.page()
		p.want(pageName, page)
		p.o.Behave(origin.Everywhere, origin.Behaviour{Portal: true})
		for range 3 {
			p.clock.advance(2 * time.Minute)
			p.want(pageName, page)
		}
		if !strings.Contains(p.log.String(), "no page of a Python index") {
			t.Errorf("%s: the log does not say why", profile)
		}
	}
}

// TestPageUnsaid: with the profile "pypi" a page need not say what it is.
func TestPageUnsaid(t *testing.T) {
	const bare = `<html><body><a href="a.whl">a.whl</a></body></html>`
	p := newPython(t, "profile = \"pypi\"\n")
	p.set("simple/hello/", bare)
	p.want(pageName, bare)
	if _, err := p.get(p.e, "m/"+jsonName); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("HTML as JSON: %v", err)
	}
	p = newPython(t, "")
	p.set("simple/hello/", bare)
	if _, err := p.get(p.e, "m/"+pageName); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("a page that says nothing: %v", err)
	}
}

// TestPageOfFiles: a mirror of static files has the page by its own name.
func TestPageOfFiles(t *testing.T) {
	p := newPython(t, "profile = \"pypi\"\n")
	dir := t.TempDir()
	for _, name := range []string{pageName, wheelName} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	page := p.page()
	for name, text := range map[string]string{pageName: page, wheelName: "the whale"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.as("pypi", "file://"+dir+"/")
	p.want(pageName, page)
	p.wantWrong(wheelName)
}

// as goes on with another configuration.
func (p *python) as(profile, upstream string) {
	p.t.Helper()
	conf, err := config.Parse(fmt.Appendf(nil, "docroot = %q\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%q]\nprofile = %q\n", p.docroot, upstream, profile),
		filepath.Join(p.dir, "mirror.toml"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.conf = conf
	p.e = p.engine()
}

// TestPageRearranged: what was a file like all others before the mirror was said to
// be one of Python is not left to the web server, and is given back to it later.
func TestPageRearranged(t *testing.T) {
	p := newPython(t, "profile = \"none\"\n")
	p.set(pageName, p.page())
	p.want(pageName, p.page())
	inDocroot := func(want bool) {
		t.Helper()
		if err := p.e.Rearrange(p.ctx()); err != nil {
			t.Fatal(err)
		}
		_, err := os.Lstat(p.path("m/" + pageName))
		_, errKept := os.Lstat(filepath.Join(p.conf.State, "mutable/m", pageName))
		if (err == nil) != want || (errKept == nil) == want {
			t.Errorf("in the docroot: %v, aside: %v", err, errKept)
		}
	}
	inDocroot(true)
	p.as("pypi", p.o.URL+"/")
	inDocroot(false)
	p.want(pageName, p.page())
	p.as("none", p.o.URL+"/")
	inDocroot(true)
}

// TestPageNames: config tells by the same names as repo where a page may be.
func TestPageNames(t *testing.T) {
	p := newPython(t, "")
	m := &p.conf.Mirrors[0]
	for _, up := range []string{"", "a/", "simple/", "a/simple/", "simple/b/", "a/simple/b/", "simple/b/c/", "xsimple/b/", "simple/simple/", "simple/simple/simple/"} {
		for _, base := range []string{"index.html", "index.v1_json", "index.htm", "x"} {
			if rest := mirror.Name(up + base); m.IsSimple(string(rest)) != (p.e.nature(m, rest).Page != "") {
				t.Errorf("%s: config says %v", rest, m.IsSimple(string(rest)))
			}
		}
	}
	if url := p.e.URL("m/" + pageName); url != p.o.URL+"/simple/hello/" {
		t.Errorf("a client would be sent to %s", url)
	}
}

// TestPageLong: a page that turns out not to be one only when much of it has come.
func TestPageLong(t *testing.T) {
	p := newPython(t, "")
	p.set("simple/hello/", "<html>"+strings.Repeat("<p>text</p>", 100_000))
	want := bytes.Repeat([]byte("another"), 50_000)
	p.set(pageName, string(want))
	for range 2 {
		got, err := p.get(p.e, "m/"+pageName)
		p.settle(p.e)
		if err == nil && !bytes.Equal(got, want) || err != nil && !errors.Is(err, mirror.ErrChanged) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	p.want(pageName, string(want))
}
