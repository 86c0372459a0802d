package maint

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/fetch"
	"mirror/internal/origin"
)

func (s *testSite) why(name mirror.Name) *Report {
	s.t.Helper()
	r, err := s.Why(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// wantNext checks what comes next, and that its sentence says all of the words.
func (s *testSite) wantNext(name mirror.Name, kind fetch.Next, words ...string) {
	s.t.Helper()
	r := s.why(name)
	if r.Next.Kind != kind {
		s.t.Errorf("%s: next is %q (%s), want %q", name, r.Next.Kind, r.Next.Text, kind)
	}
	for _, w := range words {
		if !strings.Contains(r.Next.Text, w) {
			s.t.Errorf("%s: %q does not say %q", name, r.Next.Text, w)
		}
	}
}

func TestWhyImmutable(t *testing.T) {
	s := newSite(t, "")
	s.wantNext("m/a b", fetch.NextFetch, "fetched from "+s.origin.URL+"/;")
	s.origin.Set("/a b", origin.File{Seed: 1, Size: 1000})
	s.fetch("m/a b")
	s.wantNext("m/a b", fetch.NextServe, "by the web server alone")
	r := s.why("m/a b")
	f := r.File
	if r.Prefix != "/m/" || len(r.URLs) != 1 || r.URLs[0] != s.origin.URL+"/a%20b" || r.Mutable || r.Fetching {
		t.Errorf("%+v", r)
	}
	if f == nil || !f.Ours || f.Standing != "ours" || f.Size != 1000 || f.Upstream != r.URLs[0] ||
		f.ETag == "" || len(f.SHA256) != 64 || f.Fetched.IsZero() || !f.Due.IsZero() {
		t.Errorf("file: %+v", f)
	}
	s.put("m/a b", "others'")
	if f := s.why("m/a b").File; f.Standing != "changed" || f.Ours || f.Upstream != "" {
		t.Errorf("after a change: %+v", f)
	}
	s.put("m/new", "x")
	if f := s.why("m/new").File; f.Standing != "unknown" || f.Ours {
		t.Errorf("not recorded: %+v", f)
	}
	s.reindex()
	if f := s.why("m/new").File; f.Standing != "found" || f.Ours {
		t.Errorf("after a reindex: %+v", f)
	}
}

func TestWhyMutable(t *testing.T) {
	s := newSite(t, "max_age = \"10m\"\nmax_stale = \"1h\"")
	s.origin.Set("/InRelease", origin.File{Body: []byte("x")})
	s.fetch("m/InRelease")
	s.wantNext("m/InRelease", fetch.NextServe, "asked for a newer one after")
	if r := s.why("m/InRelease"); !r.Mutable || !r.File.Due.Equal(r.File.Checked.Add(10*time.Minute)) {
		t.Errorf("%+v, file %+v", r, r.File)
	}
	s.later(11 * time.Minute)
	s.wantNext("m/InRelease", fetch.NextRefresh, "while the upstream is asked")
	s.later(time.Hour)
	s.wantNext("m/InRelease", fetch.NextConfirm, "asked first")
	s.put("m/Release", "x")
	s.wantNext("m/Release", fetch.NextServe, "never refreshed", "mirrorctl adopt")
}

// A refresh that failed is not tried again at once.
func TestWhyAfterFailedRefresh(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/InRelease", origin.File{Body: []byte("x")})
	s.fetch("m/InRelease")
	s.later(time.Hour)
	s.origin.Down()
	if _, err := s.Fetch(t.Context(), "m/InRelease", quiet); err == nil {
		t.Fatal("an upstream that is down was no error")
	}
	s.wantNext("m/InRelease", fetch.NextServe)
	if f := s.why("m/InRelease").Failure; f == nil || f.Kind != "broken" || !f.Remembered.IsZero() {
		t.Errorf("failure: %+v", f)
	}
	s.later(time.Minute)
	s.wantNext("m/InRelease", fetch.NextRefresh)
}

func TestWhyNotFound(t *testing.T) {
	s := newSite(t, "negative_ttl = \"1m\"")
	if _, err := s.Fetch(t.Context(), "m/none", quiet); err == nil {
		t.Fatal("a file that does not exist was no error")
	}
	s.wantNext("m/none", fetch.NextRecall, "404 at once")
	if f := s.why("m/none").Failure; f == nil || f.Kind != "notfound" || f.Remembered.Sub(f.At) != time.Minute {
		t.Errorf("failure: %+v", f)
	}
	s.later(2 * time.Minute)
	s.wantNext("m/none", fetch.NextFetch)
}

func TestWhyUnfinished(t *testing.T) {
	s := newSite(t, "")
	const size, half = 1 << 20, 512 << 10
	s.origin.Set("/big", origin.File{Seed: 1, Size: size})
	s.origin.Behave("/big", origin.Behaviour{CutAfter: half, Times: 1})
	release := s.origin.HoldAfter("/big", half/2)
	ended := make(chan error)
	arriving := make(chan bool, 1)
	go func() {
		first := true
		_, err := s.Fetch(t.Context(), "m/big", func(have, _ int64) {
			if first && have > 0 {
				first = false
				arriving <- true
			}
		})
		ended <- err
	}()
	<-arriving
	s.wantNext("m/big", fetch.NextFollow, "followed")
	// The part, its row and its first bytes come beside the copying, and may be a little late.
	for r := s.why("m/big"); r.Unfinished == nil || r.Unfinished.Total != size || r.Unfinished.Have == 0; r = s.why("m/big") {
		if !r.Fetching {
			t.Fatalf("%+v, unfinished %+v", r, r.Unfinished)
		}
	}
	s.origin.Down() // the first connection breaks, and no other is made
	release()
	if err := <-ended; err == nil {
		t.Fatal("a broken connection was no error")
	}
	s.wantNext("m/big", fetch.NextResume, "unfinished")
	u := s.why("m/big").Unfinished
	if u == nil || !u.Resumable || u.Have == 0 || u.Have >= size || u.Upstream != s.origin.URL+"/big" {
		t.Errorf("unfinished: %+v", u)
	}
	if err := s.Engine.Index().DeletePartial(t.Context(), "m/big"); err != nil {
		t.Fatal(err)
	}
	s.wantNext("m/big", fetch.NextFetch)
	if u := s.why("m/big").Unfinished; u == nil || u.Resumable || !strings.Contains(u.Reason, "record") {
		t.Errorf("without its record: %+v", u)
	}
}

func TestWhyObstacles(t *testing.T) {
	s := newSite(t, "")
	s.put("m/dir/a", "x")
	s.put("elsewhere", "x")
	if err := os.Symlink("/etc", s.path("m/out")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(s.path("m/fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[mirror.Name]struct {
		next     fetch.Next
		obstacle string
	}{
		"m/dir":      {fetch.NextDirectory, "directory"},
		"m":          {fetch.NextDirectory, "directory"},
		"m/out":      {fetch.NextRefuse, "symbolic link"},
		"m/out/x":    {fetch.NextRefuse, "leads out"},
		"m/fifo":     {fetch.NextRefuse, "neither a file"},
		"elsewhere":  {fetch.NextServe, ""},
		"nowhere":    {fetch.NextOutside, ""},
		"m/dir/a/no": {fetch.NextFetch, ""},
	} {
		s.wantNext(name, want.next)
		if got := s.why(name).Obstacle; !strings.Contains(got, want.obstacle) || want.obstacle == "" && got != "" {
			t.Errorf("%s: the obstacle is %q, want %q", name, got, want.obstacle)
		}
	}
	s.wantNext("nowhere", fetch.NextOutside, "/m/")
}

// A crash between rename and record.
func TestWhyInterruptedPublication(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/InRelease", origin.File{Body: []byte("x")})
	s.fetch("m/InRelease")
	rec := s.record("m/InRelease")
	if err := s.Engine.Index().Remove(t.Context(), "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	if err := s.Engine.Index().Intend(t.Context(), partialOf(*rec)); err != nil {
		t.Fatal(err)
	}
	s.wantNext("m/InRelease", fetch.NextServe)
	if f := s.why("m/InRelease").File; f == nil || !f.Ours || f.Standing != "interrupted" {
		t.Errorf("file: %+v", f)
	}
	if s.record("m/InRelease") != nil {
		t.Error("why has changed the record")
	}
}

func TestWhyJSONLeavesOutWhatThereIsNot(t *testing.T) {
	s := newSite(t, "")
	b, err := json.Marshal(s.why("m/a\xff\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got["path"] != "/m/a%FF%0A" {
		t.Errorf("path is %q", got["path"])
	}
	for _, absent := range []string{"file", "failure", "unfinished", "obstacle"} {
		if _, ok := got[absent]; ok {
			t.Errorf("%s is in %s", absent, b)
		}
	}
}
