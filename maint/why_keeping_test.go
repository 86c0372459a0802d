package maint

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"
	"time"

	"mirror/fetch"
	"mirror/internal/origin"
)

const (
	packagesPath  = "/dists/sid/main/binary-all/Packages"
	inReleasePath = "/dists/sid/InRelease"
)

// suite publishes an apt suite whose InRelease names one Packages. Half: Packages
// itself is not there yet.
func (s *testSite) suite(serial int, half bool) {
	at := origin.Epoch.Add(time.Duration(serial) * time.Hour)
	packages := fmt.Appendf(nil, "Package: a\nVersion: %d\nArchitecture: all\nFilename: pool/a.deb\nSize: 1\n\n", serial)
	s.origin.Set(inReleasePath, origin.File{ModTime: at, Body: fmt.Appendf(nil,
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSuite: sid\nDate: %s\nSHA256:\n %x %d main/binary-all/Packages\n"+
			"-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n",
		at.Format(time.RFC1123), sha256.Sum256(packages), len(packages))})
	if !half {
		s.origin.Set(packagesPath, origin.File{ModTime: at, Body: packages})
	}
}

// TestWhyOfAMember: a file that an index vouches for is due when that one is, and what
// is wrong with that one is why it is stale.
func TestWhyOfAMember(t *testing.T) {
	s := newSite(t, "max_age = \"10m\"\nmax_stale = \"24h\"")
	s.suite(1, false)
	s.fetch("m" + inReleasePath)
	s.later(time.Minute) // so that the two are of different times
	s.fetch("m" + packagesPath)
	confirmed := s.record("m" + inReleasePath).Checked
	r := s.why("m" + packagesPath)
	if f := r.Freshness; f == nil || f.Leader != "/m"+inReleasePath || f.Stale || f.Failure != nil || !f.Confirmed.Equal(confirmed) || !f.StaleSince.IsZero() {
		t.Errorf("fresh: %+v", f)
	}
	if !r.File.Due.Equal(confirmed.Add(10 * time.Minute)) {
		t.Errorf("due %v, though its index was confirmed at %v", r.File.Due, confirmed)
	}
	if len(r.Expected) != 1 {
		t.Fatalf("expected: %+v", r.Expected)
	}
	if x := r.Expected[0]; x.Index != "/m"+inReleasePath || x.Digest != r.File.SHA256 || x.Algorithm != "SHA256" || x.Fits != fetch.FitsYes || !x.Made.Equal(origin.Epoch.Add(time.Hour)) {
		t.Errorf("expected: %+v", x)
	}

	s.later(time.Hour)
	r = s.why("m" + packagesPath)
	if f := r.Freshness; !f.Stale || !f.StaleSince.Equal(confirmed.Add(10*time.Minute)) || f.Age < 3600 || f.Failure != nil || !f.Again.IsZero() {
		t.Errorf("stale, and never asked about: %+v", f)
	}
	s.wantNext("m"+packagesPath, fetch.NextRefresh)

	// Half an update, found out twice.
	s.suite(2, true)
	var since time.Time
	for range 2 {
		if _, err := s.Fetch(t.Context(), "m"+inReleasePath, quiet); err == nil {
			t.Fatal("half an update was no error")
		}
		f := s.why("m" + packagesPath).Freshness
		if since.IsZero() && f.Failure != nil {
			since = f.Failure.At
		}
		if f.Failure == nil || f.Failure.Kind != "halfway" || !f.HalfwaySince.Equal(since) || !f.Again.After(f.Failure.At) || f.Again.After(f.Failure.At.Add(10*time.Second)) {
			t.Errorf("half-way since %v: %+v, failure %+v", since, f, f.Failure)
		}
		s.wantNext("m"+packagesPath, fetch.NextServe)
		s.later(time.Minute)
	}
	s.suite(2, false)
	s.fetch("m" + inReleasePath)
	r = s.why("m" + packagesPath)
	if r.Freshness.Stale || r.Freshness.Failure != nil || r.Expected[0].Fits != fetch.FitsYes {
		t.Errorf("after the update: %+v, expected %+v", r.Freshness, r.Expected)
	}
}

// TestWhyOfWrongBytes: where they are kept, and what they should have been.
func TestWhyOfWrongBytes(t *testing.T) {
	s := newSite(t, "")
	right := sha256.Sum256([]byte("right"))
	s.origin.Set("/a.iso", origin.File{Body: []byte("wrong")})
	s.origin.Set("/SHA256SUMS", origin.File{Body: fmt.Appendf(nil, "%x *a.iso\n%x *b.iso\n", right, right)})
	s.fetch("m/SHA256SUMS")
	if r := s.why("m/a.iso"); len(r.Expected) != 1 || r.Expected[0].Fits != "" || r.Wrong != nil {
		t.Errorf("before: %+v", r)
	}
	if _, err := s.Fetch(t.Context(), "m/a.iso", quiet); err == nil {
		t.Fatal("wrong bytes were no error")
	}
	r := s.why("m/a.iso")
	if r.Wrong == nil || r.Wrong.Size != 5 || r.Failure.Kind != "wrong" {
		t.Fatalf("%+v", r)
	}
	if b, err := os.ReadFile(r.Wrong.File); err != nil || string(b) != "wrong" {
		t.Errorf("%q, %v", b, err)
	}
	s.put("m/b.iso", "others'")
	if r := s.why("m/b.iso"); len(r.Expected) != 1 || r.Expected[0].Fits != fetch.FitsNo || r.Expected[0].Index != "/m/SHA256SUMS" {
		t.Errorf("of others: %+v", r.Expected)
	}
}

// TestWhyOfASilentUpstream: since when it is, and that nobody waits.
func TestWhyOfASilentUpstream(t *testing.T) {
	s := newSite(t, "mutable = [\"*.list\"]\nmax_age = \"1m\"\nmax_stale = \"1h\"")
	s.origin.Set("/a.list", origin.File{Body: []byte("a")})
	s.fetch("m/a.list")
	s.later(24 * time.Hour)
	s.wantNext("m/a.list", fetch.NextConfirm)
	if f := s.why("m/a.list").Freshness; !f.SilentSince.IsZero() || f.Leader != "" {
		t.Errorf("%+v", f)
	}
	release := s.origin.Hold("/a.list")
	defer release()
	if f, err := s.Engine.Open(t.Context(), "m/a.list"); err != nil { // waits in vain
		t.Fatal(err)
	} else {
		f.Close()
	}
	f := s.why("m/a.list").Freshness
	if f.SilentSince.IsZero() || !f.Refreshing || !f.Stale {
		t.Errorf("%+v", f)
	}
	s.wantNext("m/a.list", fetch.NextRefresh)
}
