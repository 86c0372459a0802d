package handler

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror/internal/origin"
)

const wheel = "not really a wheel"

// links is a page of one wheel, as HTML and as JSON.
func links() (html, json string) {
	sum := sha256.Sum256([]byte(wheel))
	digest := hex.EncodeToString(sum[:])
	html = `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"><title>Links for hello</title></head><body>` +
		`<a href="../../files/hello-1.0-py3-none-any.whl#sha256=` + digest + `" data-requires-python="&gt;=3.7" data-yanked="">hello-1.0-py3-none-any.whl</a></body></html>`
	json = `{"meta": {"api-version": "1.1"}, "name": "hello", "files": [{"filename": "hello-1.0-py3-none-any.whl", ` +
		`"url": "../../files/hello-1.0-py3-none-any.whl", "hashes": {"sha256": "` + digest + `"}, "size": 18}]}`
	return html, json
}

// newPython is a mirror of a Python index that is a tree of files, as static
// mirrors are.
func newPython(t *testing.T, toml string) *rig {
	r := newRig(t, toml)
	html, json := links()
	r.o.Set("/simple/hello/", origin.File{Body: []byte(html), ContentType: "text/html"})
	r.o.Set("/simple/hello/index.html", origin.File{Body: []byte(html), ContentType: "text/html"})
	r.o.Set("/simple/hello/index.v1_json", origin.File{Body: []byte(json), ContentType: "application/octet-stream"})
	r.o.Set("/files/hello-1.0-py3-none-any.whl", origin.File{Body: []byte(wheel)})
	return r
}

const pipAccepts = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"

// TestSimple: a request for simple/PROJECT/ gets upstream's own page, in the form
// that the client wants, whether the mirror is said to be one of Python or not.
func TestSimple(t *testing.T) {
	html, json := links()
	for _, profile := range []string{"auto", "pypi"} {
		r := newPython(t, `--- profile = "`+profile+`"`)
		for _, test := range []struct{ target, accept, typ, body string }{
			{"/m/simple/hello/", pipAccepts, simpleJSON, json},
			{"/m/simple/hello/", "*/*", "text/html", html},
			{"/m/simple/hello/", "", "text/html", html},
			{"/m/simple/hello/", pipAccepts, simpleJSON, json},
			{"/m/simple/hello/", "application/vnd.pypi.simple.latest+json", simpleJSON, json},
			{"/m/simple/hello/", "text/html, " + simpleJSON + ";q=0.9", "text/html", html},
			{"/m/simple/hello/", simpleJSON + ";q=0, text/html;q=0.1", "text/html", html},
			{"/m/simple/hello/?format=" + strings.ReplaceAll(simpleJSON, "+", "%2B"), "", simpleJSON, json},
			{"/m/simple/hello/index.html", pipAccepts, "text/html", html},
			{"/m/simple/hello/index.v1_json", "*/*", simpleJSON, json},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				resp := r.ask(Front{Handover: HandoverAccel, Accel: "/x"}, method, test.target, "Accept", test.accept)
				b, want := string(body(t, resp)), test.body
				if method == "HEAD" {
					want = ""
				}
				if resp.StatusCode != 200 || b != want || resp.Header.Get("Content-Type") != test.typ {
					t.Errorf("%s: %s %s for %q: %d, %q, %q", profile, method, test.target, test.accept, resp.StatusCode, resp.Header.Get("Content-Type"), b)
				}
				if vary := resp.Header.Get("Vary"); (vary == "Accept") != strings.HasSuffix(strings.Split(test.target, "?")[0], "/") {
					t.Errorf("%s varies by %q", test.target, vary)
				}
			}
		}
		// In the docroot a web server would take it for the page of the directory.
		if list, _ := filepath.Glob(filepath.Join(r.conf.Docroot, "m/simple/hello/*")); len(list) > 0 {
			t.Errorf("%s: the docroot has %q", profile, list)
		}
		if n := r.o.Count("/simple/hello/", "GET"); n != 2 { // for HTML, and in vain for JSON
			t.Errorf("%s: the page was asked for %d times", profile, n)
		}
		// The listing is there for who asks for it by name.
		if resp := r.ask(streaming, "GET", "/m/simple/hello/?format=json"); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: the listing: %d", profile, resp.StatusCode)
		}
	}
}

// TestSimpleByAccept: an upstream that goes by Accept is asked for each form under
// one address.
func TestSimpleByAccept(t *testing.T) {
	r := newRig(t, `--- profile = "pypi"`)
	html, json := links()
	r.o.Set("/simple/hello/", origin.File{Body: []byte(json), ContentType: simpleJSON})
	if resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", pipAccepts); resp.StatusCode != 200 || string(body(t, resp)) != json {
		t.Errorf("JSON: %d", resp.StatusCode)
	}
	r.o.Set("/simple/hello/", origin.File{Body: []byte(html), ContentType: "text/html"})
	if resp := r.ask(streaming, "GET", "/m/simple/hello/"); resp.StatusCode != 200 || string(body(t, resp)) != html {
		t.Errorf("HTML: %d", resp.StatusCode)
	}
	var asked []string
	for _, req := range r.o.Requests() {
		asked = append(asked, req.Header.Get("Accept"))
	}
	if len(asked) != 2 || asked[0] != simpleJSON || !strings.HasPrefix(asked[1], "text/html,") {
		t.Errorf("it was asked for %q", asked)
	}
	// One that has no JSON says so.
	r.o.Set("/simple/other/", origin.File{Body: []byte(html), ContentType: "text/html"})
	r.o.Behave("/simple/other/", origin.Behaviour{Status: http.StatusNotAcceptable, Times: 1})
	if resp := r.ask(streaming, "GET", "/m/simple/other/", "Accept", pipAccepts); resp.StatusCode != 200 || string(body(t, resp)) != html {
		t.Errorf("after 406: %d", resp.StatusCode)
	}
	if resp := r.ask(streaming, "GET", "/m/simple/none/", "Accept", pipAccepts); resp.StatusCode != http.StatusNotFound {
		t.Errorf("no such project: %d", resp.StatusCode)
	}
}

// TestSimpleRoot: the list of all projects.
func TestSimpleRoot(t *testing.T) {
	r := newRig(t, "")
	const page = `<html><head><title>Simple index</title></head><body><a href="hello/">hello</a></body></html>`
	r.o.Set("/simple/", origin.File{Body: []byte(page), ContentType: "text/html"})
	if resp := r.ask(streaming, "GET", "/m/simple/"); resp.StatusCode != 200 || string(body(t, resp)) != page {
		t.Errorf("%d", resp.StatusCode)
	}
}

// TestSimpleByChance: a directory that is only called like one of a Python index is
// a directory as any other, however long its page.
func TestSimpleByChance(t *testing.T) {
	r := newRig(t, "")
	long := strings.Replace(listed, "</pre>", strings.Repeat(" ", 200<<10)+"</pre>", 1)
	r.o.Set("/simple/tools/", origin.File{Body: []byte(long), ContentType: "text/html"})
	for range 2 {
		resp := r.ask(streaming, "GET", "/m/simple/tools/")
		if b := string(body(t, resp)); resp.StatusCode != 200 || !strings.Contains(b, "a.deb") || b == long || resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%d, %v", resp.StatusCode, resp.Header)
		}
	}
	if n := r.o.Count("/simple/tools/", "GET"); n != 2 { // the page, and the listing
		t.Errorf("it was asked for %d times", n)
	}
	// A page of its own is what people get.
	r.o.Set("/simple/site/", origin.File{Body: []byte("<p>Welcome.</p>"), ContentType: "text/html"})
	r.o.Set("/simple/site/index.html", origin.File{Body: []byte("<p>Welcome.</p>"), ContentType: "text/html"})
	for _, target := range []string{"/m/simple/site/", "/m/simple/site/index.html"} {
		if resp := r.ask(streaming, "GET", target); resp.StatusCode != 200 || string(body(t, resp)) != "<p>Welcome.</p>" {
			t.Errorf("%s: %d", target, resp.StatusCode)
		}
	}
}

// TestSimpleSilent: of such a directory a listing that is at hand is shown, and an
// upstream that says nothing is not waited for as long as a file would be.
func TestSimpleSilent(t *testing.T) {
	r := newRig(t, "[timeouts]\nmax_wait = \"19s\"\n--- negative_ttl = \"0s\"")
	r.o.Set("/simple/tools/", origin.File{Body: []byte(listed), ContentType: "text/html"})
	r.ask(streaming, "GET", "/m/simple/tools/")
	r.o.Behave(origin.Everywhere, origin.Behaviour{Silent: true})
	begun := time.Now()
	resp := r.ask(streaming, "GET", "/m/simple/tools/")
	if took := time.Since(begun); resp.StatusCode != 200 || !strings.Contains(string(body(t, resp)), "a.deb") || took > 4*simpleWait {
		t.Errorf("%d after %v", resp.StatusCode, took)
	}
}

// TestSimpleDown: what is held in one form is what a client gets who wants both.
func TestSimpleDown(t *testing.T) {
	r := newPython(t, "--- max_age = \"0s\"\nprofile = \"pypi\"")
	html, _ := links()
	if resp := r.ask(streaming, "GET", "/m/simple/hello/"); resp.StatusCode != 200 {
		t.Fatalf("%d", resp.StatusCode)
	}
	r.o.Down()
	for range 3 {
		if resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", pipAccepts); resp.StatusCode != 200 || string(body(t, resp)) != html {
			t.Errorf("%d, %q", resp.StatusCode, body(t, resp))
		}
	}
	if resp := r.ask(streaming, "GET", "/m/simple/other/"); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("what is not here: %d", resp.StatusCode)
	}
}

// TestSimpleHung: who wants JSON and takes HTML does not wait for an upstream that
// says nothing while there is HTML, and gets JSON once there is some.
func TestSimpleHung(t *testing.T) {
	r := newPython(t, "--- profile = \"pypi\"")
	html, json := links()
	r.ask(streaming, "GET", "/m/simple/hello/")
	release := r.o.Hold("/simple/hello/")
	for range 3 {
		begun := time.Now()
		resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", pipAccepts)
		if took := time.Since(begun); resp.StatusCode != 200 || string(body(t, resp)) != html || took > 2*time.Second {
			t.Errorf("%d after %v", resp.StatusCode, took)
		}
	}
	r.o.Await("/simple/hello/", 2) // it is being asked for
	release()
	resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", simpleJSON)
	if resp.StatusCode != 200 || string(body(t, resp)) != json {
		t.Errorf("who takes JSON alone: %d", resp.StatusCode)
	}
	if resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", pipAccepts); string(body(t, resp)) != json {
		t.Error("there is JSON, and HTML came")
	}
	if n := r.o.Count("/simple/hello/", "GET"); n != 2 {
		t.Errorf("it was asked for %d times", n)
	}
}

// TestSimpleGivenUp: an upstream that has its pages as HTML only from now on is not
// answered for with its last JSON for ever.
func TestSimpleGivenUp(t *testing.T) {
	r := newPython(t, "--- profile = \"pypi\"\nmax_age = \"1h\"")
	html, json := links()
	if resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", pipAccepts); string(body(t, resp)) != json {
		t.Fatalf("%d", resp.StatusCode)
	}
	r.o.Remove("/simple/hello/index.v1_json")
	// Hours later.
	if err := r.engine.Index().Touch(t.Context(), "m/simple/hello/index.v1_json", time.Now().Add(-5*time.Hour), "", "", 0); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for got := json; got != html; {
		if time.Now().After(deadline) {
			t.Fatalf("still %q", got)
		}
		got = string(body(t, r.ask(streaming, "GET", "/m/simple/hello/", "Accept", pipAccepts)))
	}
	if resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", simpleJSON); string(body(t, resp)) != json || resp.Header.Get("Warning") == "" {
		t.Errorf("who takes JSON alone: %d, %v", resp.StatusCode, resp.Header)
	}
}

// TestSimpleOurs: what the administrator put there is what everybody gets.
func TestSimpleOurs(t *testing.T) {
	r := newPython(t, `--- profile = "pypi"`)
	r.put("m/simple/hello/index.html", "ours")
	if resp := r.ask(streaming, "GET", "/m/simple/hello/"); string(body(t, resp)) != "ours" {
		t.Errorf("%d", resp.StatusCode)
	}
	if b, err := os.ReadFile(filepath.Join(r.conf.Docroot, "m/simple/hello/index.html")); err != nil || string(b) != "ours" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestSimpleMaxWait: who has waited long enough for a page is sent to the upstream's own,
// whichever form he wants, and the next one gets it from here.
func TestSimpleMaxWait(t *testing.T) {
	r := newRig(t, "[timeouts]\nmax_wait = \"1s\"\n--- profile = \"pypi\"")
	html, _ := links()
	r.o.Set("/simple/hello/", origin.File{Body: []byte(html), ContentType: "text/html"})
	release := r.o.Hold("/simple/hello/")
	for _, accept := range []string{"text/html", pipAccepts} {
		resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", accept)
		if resp.StatusCode != 302 || resp.Header.Get("Location") != r.o.URL+"/simple/hello/" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("for %q: %d %v, want a redirect to the upstream", accept, resp.StatusCode, resp.Header)
		}
	}
	release()
	if resp := r.ask(streaming, "GET", "/m/simple/hello/", "Accept", "text/html"); resp.StatusCode != 200 || string(body(t, resp)) != html {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
}
