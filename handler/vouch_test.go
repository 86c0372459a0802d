package handler

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

func reprDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// bring has a file published.
func (r *rig) bring(name mirror.Name) {
	r.t.Helper()
	f, err := r.engine.Open(r.t.Context(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if ok, err := f.Settle(r.t.Context()); !ok || err != nil {
		r.t.Fatal(ok, err)
	}
}

// TestReprDigest: of a published file, whole or a part of it, but not of an answer
// that is no file.
func TestReprDigest(t *testing.T) {
	r := newRig(t, "")
	content := origin.Bytes(1, 1000)
	r.o.Set("/a.deb", origin.File{Body: content})
	r.bring("m/a.deb")
	want := reprDigest(content)
	for _, c := range []struct {
		method string
		header []string
		status int
		digest string
	}{
		{"GET", nil, 200, want},
		{"HEAD", nil, 200, want},
		{"GET", []string{"Range", "bytes=10-19"}, 206, want},
		{"GET", []string{"Range", "bytes=-10"}, 206, want},
		{"GET", []string{"Range", "bytes=2000-, 0-9"}, 206, want},
		{"GET", []string{"Range", "lines=1"}, 200, want},
		{"GET", []string{"Range", "bytes=1000-"}, 416, ""},
		{"GET", []string{"Range", "bytes=9-5"}, 416, ""},
		{"GET", []string{"If-Match", `"other"`}, 412, ""},
	} {
		resp := r.ask(streaming, c.method, "/m/a.deb", c.header...)
		if got := resp.Header.Get("Repr-Digest"); resp.StatusCode != c.status || got != c.digest {
			t.Errorf("%s %v: %d, Repr-Digest %q, want %d, %q", c.method, c.header, resp.StatusCode, got, c.status, c.digest)
		}
		if resp.Header.Get("Age") != "" || resp.Header.Get("Warning") != "" {
			t.Errorf("%s %v: a file that never changes has an age: %v", c.method, c.header, resp.Header)
		}
	}
	r.put("m/a.deb", "others'") // of which the record does not speak
	r.put("m/b.deb", "others'")
	for _, path := range []string{"/m/a.deb", "/m/b.deb", "/m/none"} {
		if got := r.ask(streaming, "GET", path).Header.Get("Repr-Digest"); got != "" {
			t.Errorf("%s: Repr-Digest %q", path, got)
		}
	}
}

// TestReprDigestOfWhatIsExpected: while a file is missing or arrives, it is known what
// it has to come to if an index says so.
func TestReprDigestOfWhatIsExpected(t *testing.T) {
	r := newRig(t, "")
	const size = 1 << 20
	content := origin.Bytes(2, size)
	r.o.Set("/a.iso", origin.File{Body: content})
	r.o.Set("/b.iso", origin.File{Body: content})
	small := content[:100]
	r.o.Set("/c.iso", origin.File{Body: small})
	r.o.Set("/SHA256SUMS", origin.File{Body: fmt.Appendf(nil, "%x *a.iso\n%x *c.iso\n", sha256.Sum256(content), sha256.Sum256(small))})
	r.bring("m/SHA256SUMS")
	if got, want := r.ask(streaming, "HEAD", "/m/a.iso").Header.Get("Repr-Digest"), reprDigest(content); got != want {
		t.Errorf("HEAD of a missing file: %q, want %q", got, want)
	}
	if got, want := r.ask(streaming, "GET", "/m/c.iso").Header.Get("Repr-Digest"), reprDigest(small); got != want {
		t.Errorf("of a small file that has just come: %q, want %q", got, want)
	}
	release := r.o.HoldAfter("/a.iso", size/2)
	defer release()
	f, err := r.engine.Open(t.Context(), "m/a.iso")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, header := range [][]string{nil, {"Range", "bytes=0-99"}} {
		answer := make(chan *http.Response, 1)
		go func() {
			if header == nil {
				answer <- r.ask(streaming, "HEAD", "/m/a.iso")
				return
			}
			answer <- r.ask(streaming, "GET", "/m/a.iso", header...)
		}()
		if got, want := (<-answer).Header.Get("Repr-Digest"), reprDigest(content); got != want {
			t.Errorf("of a growing file, with %v: %q, want %q", header, got, want)
		}
	}
	release()
	if got := r.ask(streaming, "HEAD", "/m/b.iso").Header.Get("Repr-Digest"); got != "" {
		t.Errorf("of a file that nothing is known of: %q", got)
	}
}

// TestAge: a mutable file tells for how long nobody has confirmed it, or the index that
// vouches for it, and warns when that is too long.
func TestAge(t *testing.T) {
	r := newRig(t, "---\nmutable = [\"*.list\"]\nmax_age = \"10m\"\nmax_stale = \"24h\"")
	r.o.Set("/a.list", origin.File{Body: []byte("a")})
	r.bring("m/a.list")
	release := r.o.Hold("/a.list") // so that what is stale stays so
	defer release()
	for _, c := range []struct {
		age   time.Duration
		stale bool
	}{{time.Minute, false}, {9 * time.Minute, false}, {11 * time.Minute, true}, {5 * time.Hour, true}} {
		if err := r.engine.Index().Touch(t.Context(), "m/a.list", time.Now().Add(-c.age), "", "", 0); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"GET", "HEAD"} {
			resp := r.ask(streaming, method, "/m/a.list")
			age, err := strconv.Atoi(resp.Header.Get("Age"))
			if want := int(c.age.Seconds()); err != nil || age < want || age > want+20 {
				t.Errorf("%s, confirmed %s ago: Age %q", method, c.age, resp.Header.Get("Age"))
			}
			want := ""
			if c.stale {
				want = `110 - "Response is Stale"`
			}
			if got := resp.Header.Get("Warning"); got != want {
				t.Errorf("%s, confirmed %s ago: Warning %q, want %q", method, c.age, got, want)
			}
		}
	}
	// A server that is handed a file says nothing of its age, so it is not handed a stale
	// one.
	nginx := Front{Handover: HandoverAccel, Accel: "/accel", Stream: true}
	if resp := r.ask(nginx, "GET", "/m/a.list"); resp.Header.Get("X-Accel-Redirect") != "" || resp.Header.Get("Warning") == "" || string(body(t, resp)) != "a" {
		t.Errorf("a stale file through nginx: %v", resp.Header)
	}
	if err := r.engine.Index().Touch(t.Context(), "m/a.list", time.Now(), "", "", 0); err != nil {
		t.Fatal(err)
	}
	if resp := r.ask(nginx, "GET", "/m/a.list"); resp.Header.Get("X-Accel-Redirect") == "" {
		t.Errorf("a fresh file through nginx: %v", resp.Header)
	}
	// A redirect to it would come back to us.
	for _, handover := range []Handover{HandoverLocal, HandoverLocalNoStatus} {
		if resp := r.ask(Front{Handover: handover}, "GET", "/m/a.list"); resp.Header.Get("Location") != "" || string(body(t, resp)) != "a" {
			t.Errorf("a mutable file with a local redirect: %v", resp.Header)
		}
	}
	// What others put there is of no known age.
	r.put("m/b.list", "b")
	if resp := r.ask(streaming, "GET", "/m/b.list"); resp.Header.Get("Age") != "" || resp.Header.Get("Warning") != "" {
		t.Errorf("of others: %v", resp.Header)
	}
}

// TestAgeOfAMember: Packages is as old as the InRelease that vouches for it was
// confirmed, whenever it was fetched itself.
func TestAgeOfAMember(t *testing.T) {
	r := newRig(t, "---\nmax_age = \"10m\"\nmax_stale = \"24h\"")
	packages := []byte("Package: a\nVersion: 1\nArchitecture: all\nFilename: pool/a.deb\nSize: 1\n\n")
	r.o.Set("/dists/sid/main/binary-all/Packages", origin.File{Body: packages})
	r.o.Set("/dists/sid/InRelease", origin.File{Body: fmt.Appendf(nil,
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSuite: sid\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n %x %d main/binary-all/Packages\n"+
			"-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n", sha256.Sum256(packages), len(packages))})
	r.bring("m/dists/sid/InRelease")
	r.bring("m/dists/sid/main/binary-all/Packages")
	release := r.o.Hold("/dists/sid/InRelease")
	defer release()
	if err := r.engine.Index().Touch(t.Context(), "m/dists/sid/InRelease", time.Now().Add(-time.Hour), "", "", 0); err != nil {
		t.Fatal(err)
	}
	header := r.ask(streaming, "GET", "/m/dists/sid/main/binary-all/Packages").Header
	if age, err := strconv.Atoi(header.Get("Age")); err != nil || age < 3600 || header.Get("Warning") == "" {
		t.Errorf("%v", header)
	}
}
