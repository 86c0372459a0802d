package test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// wheel makes the smallest wheel that pip takes. filling makes it another one of the
// same length.
func wheel(t *testing.T, project, version string, filling byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	info := project + "-" + version + ".dist-info/"
	for _, f := range []struct{ name, text string }{
		{project + ".py", "content = '" + strings.Repeat(string(filling), 5000) + "'\n"},
		{info + "METADATA", "Metadata-Version: 2.1\nName: " + project + "\nVersion: " + version + "\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", ""},
	} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(f.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// project is one of a Python index, as the upstream has it now: a tree of files, in
// which a page is index.html. Its links are relative.
type project struct {
	s      *site
	name   string
	serial int
	wheels []string // "/debian/files/...", by release
	html   strings.Builder
	files  []map[string]any // of the page in JSON
}

// release adds a version to the page; the upstream has body for it.
func (p *project) release(version string, promised, body []byte) {
	p.serial++
	at := origin.Epoch.Add(time.Duration(p.serial) * time.Hour)
	file := p.name + "-" + version + "-py3-none-any.whl"
	sum := sha256.Sum256(promised)
	digest := hex.EncodeToString(sum[:])
	p.wheels = append(p.wheels, p.s.offer("/debian/files/"+file, origin.File{Body: body, ModTime: at}))
	fmt.Fprintf(&p.html, `<a href="../../files/%s#sha256=%s" data-requires-python="&gt;=3">%[1]s</a><br>`, file, digest)
	page := []byte(`<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"><title>Links for ` + p.name + `</title></head><body>` + p.html.String() + `</body></html>`)
	for _, name := range []string{"", "index.html"} {
		p.s.offer("/debian/simple/"+p.name+"/"+name, origin.File{Body: page, ModTime: at, ContentType: "text/html"})
	}
	p.files = append(p.files, map[string]any{
		"filename": file, "url": "../../files/" + file, "hashes": map[string]string{"sha256": digest}, "size": len(promised), "requires-python": ">=3",
	})
}

// offerJSON offers the page in JSON, too, as a file whose type the upstream does not know.
func (p *project) offerJSON(t *testing.T) {
	body, err := json.Marshal(map[string]any{"meta": map[string]string{"api-version": "1.0"}, "name": p.name, "files": p.files})
	if err != nil {
		t.Fatal(err)
	}
	p.s.offer("/debian/simple/"+p.name+"/index.v1_json", origin.File{Body: body, ContentType: "application/octet-stream"})
}

// pages: a Python index through every front. Its pages are upstream's, of now, and in
// the form that the client wants.
func pages(t *testing.T, s *site) {
	p := &project{s: s, name: "pages"}
	first, second := wheel(t, p.name, "1.0", 'a'), wheel(t, p.name, "2.0", 'b')
	const target = "/debian/simple/pages/"
	page := func(want string) {
		t.Helper()
		// An upstream that was silent a while ago, or takes more than two seconds, is
		// asked behind the client's back.
		server.Eventually(t, "the page has "+want, func() bool {
			a := s.get(t, target)
			if a.status != 200 || a.header.Get("Content-Type") != "text/html" || a.header.Get("Vary") != "Accept" {
				t.Fatalf("the page: %d, %v, %q", a.status, a.header, a.body)
			}
			return strings.Contains(string(a.body), want)
		})
	}
	p.release("1.0", first, first)
	page("1.0-py3-none-any.whl#sha256=")
	p.release("2.0", second, second)
	page("2.0-py3-none-any.whl#sha256=") // no front has the old one for ever
	for i, want := range [][]byte{first, second} {
		if a := s.get(t, p.wheels[i]); a.status != 200 || !bytes.Equal(a.body, want) {
			t.Errorf("%s: %d, %d bytes", p.wheels[i], a.status, len(a.body))
		}
		s.published(t, p.wheels[i])
	}

	// What is not what the page says reaches nobody.
	p.release("3.0", wheel(t, p.name, "3.0", 'c'), wheel(t, p.name, "3.0", 'x'))
	page("3.0-py3-none-any.whl#sha256=")
	if a := s.get(t, p.wheels[2]); a.status/100 != 5 {
		t.Errorf("a wrong wheel: %d, %d bytes", a.status, len(a.body))
	}
	if _, err := os.Lstat(s.docroot + p.wheels[2]); err == nil {
		t.Error("a wrong wheel was published")
	}

	other := &project{s: s, name: "pages.json"}
	other.release("1.0", first, first)
	other.offerJSON(t)
	asJSON := func() {
		t.Helper()
		a := s.get(t, "/debian/simple/pages.json/", "Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.1")
		if a.status != 200 || !json.Valid(a.body) || a.header.Get("Content-Type") != "application/vnd.pypi.simple.v1+json" {
			t.Errorf("the page as JSON: %d, %v, %q", a.status, a.header, a.body)
		}
	}
	asJSON()

	// In the docroot a web server would take it for the page of the directory.
	if list, _ := filepath.Glob(filepath.Join(s.docroot, "debian/simple/*/*")); len(list) > 0 {
		t.Errorf("the docroot has %q", list)
	}
	s.upstream.Down()
	defer s.upstream.Up()
	page("3.0-py3-none-any.whl#sha256=")
	asJSON()
}

// TestPip: pip downloads from an index that changes in between. Nothing of the
// machine's own configuration of pip is read.
func TestPip(t *testing.T) {
	through := []string{"builtin", "nginx-tryfiles", "apache-htaccess"}
	for _, f := range fronts {
		if !slices.Contains(through, f.name) {
			continue // that its pages come through is a step of the suite
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			pip(t, newSite(t, f))
		})
	}
}

func pip(t *testing.T, s *site) {
	dir := t.TempDir()
	download := func(what string) (string, error) {
		t.Helper()
		return tool(t, dir, "pip3", "python3-pip", "--isolated", "--disable-pip-version-check", "--no-cache-dir",
			"--retries", "0", "--timeout", "20", "download", "--no-deps", "--no-input", "--index-url", s.URL+"/debian/simple/", what)
	}
	// want downloads, and compares what it got.
	want := func(what, target string, body []byte) {
		t.Helper()
		out, err := download(what)
		if err != nil {
			t.Fatalf("pip download %s: %v\n%s", what, err, out)
		}
		file := filepath.Join(dir, filepath.Base(target))
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%s: %d bytes, not %d; %v\n%s", target, len(got), len(body), err, out)
		}
		if err := os.Remove(file); err != nil { // else pip would find it there
			t.Fatal(err)
		}
	}
	p := &project{s: s, name: "hello"}
	first, second := wheel(t, p.name, "1.0", 'a'), wheel(t, p.name, "2.0", 'b')
	p.release("1.0", first, first)
	want("hello", p.wheels[0], first)
	p.release("2.0", second, second)
	want("hello", p.wheels[1], second)

	p.release("3.0", wheel(t, p.name, "3.0", 'c'), wheel(t, p.name, "3.0", 'x'))
	if out, err := download("hello"); err == nil {
		t.Errorf("pip took a wrong wheel\n%s", out)
	}
	if list, _ := filepath.Glob(filepath.Join(dir, "*")); len(list) > 0 {
		t.Errorf("pip left %q", list)
	}

	// Where there is JSON, pip goes by that alone.
	other := &project{s: s, name: "other"}
	body := wheel(t, other.name, "1.0", 'o')
	other.release("1.0", body, body)
	other.offerJSON(t)
	want("other", other.wheels[0], body)
	if n := s.upstream.Count(pub+"/debian/simple/other/index.html", ""); n != 0 {
		t.Errorf("the page in HTML was asked for %d times", n)
	}

	s.upstream.Down()
	want("hello==2.0", p.wheels[1], second)
	want("other", other.wheels[0], body)
	s.upstream.Up()
	if n := s.upstream.Count(pub+p.wheels[1], "GET"); n != 1 {
		t.Errorf("a wheel was fetched %d times", n)
	}
}
