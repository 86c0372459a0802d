package maint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

func (s *testSite) adopt(names ...mirror.Name) (Adopted, error) {
	return s.Adopt(s.t.Context(), names, func(Adopted) {})
}

func TestAdoptDirectory(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/ours", origin.File{Seed: 1, Size: 1000})
	s.fetch("m/ours")
	s.put("m/a", "abc")
	s.put("m/pool/b \xff", "defg")
	s.put("m/.hidden", "x")
	s.reindex()
	if err := os.Symlink("a", s.path("m/link")); err != nil {
		t.Fatal(err)
	}
	got, err := s.adopt("m")
	want := Adopted{Files: 2, Bytes: 7, Already: 1, Skipped: Skipped{Links: 1}}
	if err != nil || got != want {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	rec := s.record("m/a")
	if sum := sha256.Sum256([]byte("abc")); rec == nil || !rec.Ours || !bytes.Equal(rec.Digest, sum[:]) {
		t.Errorf("recorded as %+v", rec)
	}
	got, err = s.adopt("m")
	want = Adopted{Already: 3, Skipped: Skipped{Links: 1}}
	if err != nil || got != want {
		t.Errorf("again: %+v, %v; want %+v", got, err, want)
	}
}

// An adopted index is refreshed like one that was fetched.
func TestAdoptedFileIsReplaced(t *testing.T) {
	s := newSite(t, "")
	s.put("m/InRelease", "old")
	before := origin.Epoch.Add(-time.Hour)
	if err := os.Chtimes(s.path("m/InRelease"), before, before); err != nil {
		t.Fatal(err)
	}
	s.origin.Set("/InRelease", origin.File{Body: []byte("newer")})
	if got, err := s.Fetch(t.Context(), "m/InRelease", quiet); err != nil || got.How != HowHere {
		t.Fatalf("before: %+v, %v", got, err)
	}
	if _, err := s.adopt("m/InRelease"); err != nil {
		t.Fatal(err)
	}
	got, err := s.Fetch(t.Context(), "m/InRelease", quiet)
	if err != nil || got.How != HowReplaced || got.Size != 5 {
		t.Errorf("after: %+v, %v", got, err)
	}
}

func TestAdoptRefuses(t *testing.T) {
	s := newSite(t, "")
	s.put("m/a", "x")
	s.put("m/good", "x")
	s.put("other/a", "x")
	if err := os.Symlink("a", s.path("m/link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(s.path("m/fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	defer s.lock("m/a")()
	for name, words := range map[mirror.Name][]string{
		"m/link":    {"/m/link", "symbolic link"},
		"m/fifo":    {"/m/fifo", "no regular file"},
		"m/none":    {"/m/none", "no such file"},
		"m/a/b":     {"/m/a/b", "no such file"},
		"m/a":       {"/m/a", "being fetched right now"},
		"other/a":   {"/other/a", "no mirror is configured", "/m/"},
		"other":     {"/other", "no mirror is configured", "/m/"},
		"":          {"no mirror is configured", "/m/"},
		"m/no\nne ": {`"/m/no\nne "`, "no such file"},
	} {
		got, err := s.adopt(name, "m/good")
		wantError(t, err, words...)
		if got.Files+got.Already != 1 {
			t.Errorf("%q: the other file was not adopted: %+v", name, got)
		}
	}
}

func TestAdoptIsInterrupted(t *testing.T) {
	s := newSite(t, "")
	s.put("m/a", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Adopt(ctx, []mirror.Name{"m"}, func(Adopted) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
