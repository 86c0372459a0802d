package maint

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/repo"
	"mirror/store/index"
)

// rot changes a byte of a file, as a disk does: nothing tells but the byte.
func (s *testSite) rot(name string) {
	s.t.Helper()
	fi, err := os.Stat(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	b := s.content(name)
	b[len(b)/2] ^= 4
	f, err := os.OpenFile(s.path(name), os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chtimes(s.path(name), time.Time{}, fi.ModTime()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *testSite) content(name string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// verified runs Verify and returns what it told.
func (s *testSite) verified(name mirror.Name, o VerifyOptions) (Verified, map[mirror.Name]Verdict) {
	s.t.Helper()
	told := make(map[mirror.Name]Verdict)
	o.Tell = func(v Verdict) { told[v.Name] = v }
	sum, err := s.Verify(s.t.Context(), name, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return sum, told
}

// fetched makes files of upstream and docroot.
func (s *testSite) fetched(names ...string) {
	s.t.Helper()
	for i, name := range names {
		s.origin.Set("/"+name, origin.File{Seed: uint64(i + 1), Size: 300 << 10})
		s.fetch(mirror.Name("m/" + name))
	}
}

// TestVerifyRepairs: rot is found, and replaced by what the upstream has, without
// a question that it could answer with 304.
func TestVerifyRepairs(t *testing.T) {
	s := newSite(t, "")
	s.fetched("d/a", "d/b", "e")
	right := s.content("m/d/b")
	s.rot("m/d/b")
	s.rot("m/e")
	fetched := s.record("m/d/b").Fetched

	sum, told := s.verified("m/d", VerifyOptions{DryRun: true})
	if sum.Files != 2 || sum.Right != 1 || sum.Damaged != 1 || sum.Unsettled != 1 || told["m/d/b"].State != Damaged {
		t.Errorf("dry run: %+v, %v", sum, told)
	}
	if n := s.origin.Count("/d/b", "GET"); n != 1 {
		t.Errorf("the dry run asked the upstream")
	}
	sum, told = s.verified("m/d", VerifyOptions{})
	if sum.Repaired != 1 || sum.Unsettled != 0 || told["m/d/b"].Done != Repaired || len(told) != 1 {
		t.Errorf("%+v, %v", sum, told)
	}
	if !bytes.Equal(s.content("m/d/b"), right) {
		t.Error("it is not repaired")
	}
	if !s.record("m/d/b").Fetched.After(fetched) {
		t.Error("the record is that of the damaged file")
	}
	for _, r := range s.origin.Requests() {
		if r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") != "" {
			t.Errorf("the upstream was asked by the validators of what is damaged: %v", r.Header)
		}
	}
	if sum, told = s.verified("m/e", VerifyOptions{}); sum.Files != 1 || sum.Repaired != 1 {
		t.Errorf("a file by its name: %+v, %v", sum, told)
	}
	if sum, _ = s.verified("", VerifyOptions{}); sum.Files != 3 || sum.Right != 3 || sum.Bytes != 3*300<<10 {
		t.Errorf("afterwards: %+v", sum)
	}
}

// TestVerifySetsAside: a damaged file that cannot be had is not served any more.
func TestVerifySetsAside(t *testing.T) {
	for name, lose := range map[string]func(s *testSite){
		"it is gone upstream":  func(s *testSite) { s.origin.Remove("/d/a") },
		"the upstream is down": func(s *testSite) { s.origin.Down() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			s.fetched("d/a", "d/b")
			s.rot("m/d/a")
			damaged := s.content("m/d/a")
			lose(s)
			if sum, _ := s.verified("", VerifyOptions{Keep: true}); sum.Quarantined != 0 || sum.Unsettled != 1 {
				t.Errorf("with Keep: %+v", sum)
			}
			if !bytes.Equal(s.content("m/d/a"), damaged) {
				t.Error("it was to be kept")
			}
			sum, told := s.verified("", VerifyOptions{})
			if sum.Quarantined != 1 || sum.Unsettled != 0 || sum.Right != 1 {
				t.Errorf("%+v, %v", sum, told)
			}
			if _, err := os.Lstat(s.path("m/d/a")); !errors.Is(err, os.ErrNotExist) || s.record("m/d/a") != nil {
				t.Errorf("it is still there, or on record: %v", err)
			}
			_, aside, ok := strings.Cut(told["m/d/a"].Text, "it is now ")
			if b, err := os.ReadFile(aside); !ok || err != nil || !bytes.Equal(b, damaged) {
				t.Errorf("it is not where %q says: %v", told["m/d/a"].Text, err)
			}
			if err := s.Engine.Tree().SweepBad(time.Now().Add(29 * 24 * time.Hour)); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(aside); err != nil {
				t.Error("it was kept for less than a month")
			}
			if err := s.Engine.Tree().SweepBad(time.Now().Add(31 * 24 * time.Hour)); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(aside); !errors.Is(err, os.ErrNotExist) {
				t.Error("it is kept for ever")
			}
		})
	}
}

// TestVerifyOthers: what is not ours is told of, and stays as it is.
func TestVerifyOthers(t *testing.T) {
	s := newSite(t, "")
	s.fetched("changed", "gone", "dir", "link")
	s.put("m/changed", "by an administrator")
	for _, name := range []string{"m/gone", "m/dir", "m/link"} {
		if err := os.Remove(s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.path("m/dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("changed", s.path("m/link")); err != nil {
		t.Fatal(err)
	}
	s.put("m/found", strings.Repeat("found", 1000))
	if err := s.Engine.Index().Reindexed(t.Context(), []index.Record{s.recordOf("m/found")}); err != nil {
		t.Fatal(err)
	}
	sum, told := s.verified("m", VerifyOptions{})
	if sum.Changed != 3 || sum.Missing != 1 || sum.Right != 1 || sum.Recorded != 1 || sum.Unsettled != 0 {
		t.Errorf("%+v, %v", sum, told)
	}
	if got := s.record("m/found"); len(got.Digest) != 32 || got.Ours {
		t.Errorf("the file of others: %+v", got)
	}
	s.rot("m/found")
	sum, told = s.verified("m", VerifyOptions{Missing: true})
	if sum.Damaged != 1 || sum.Unsettled != 1 || !strings.Contains(told["m/found"].Text, "not ours") {
		t.Errorf("a file of others that is damaged: %+v, %v", sum, told)
	}
	if sum.Repaired != 1 || told["m/gone"].Done != Repaired {
		t.Errorf("a file that has gone: %+v, %v", sum, told)
	}
	if string(s.content("m/changed")) != "by an administrator" {
		t.Error("a file of others was replaced")
	}
}

// recordOf describes a file as a reindex does.
func (s *testSite) recordOf(name string) index.Record {
	s.t.Helper()
	fi, err := os.Stat(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return index.Record{Name: name, Size: fi.Size(), ModTime: fi.ModTime()}
}

// TestVerifyBesideRefresh: a file that is replaced while it is read is not damaged.
func TestVerifyBesideRefresh(t *testing.T) {
	s := newSite(t, `mutable = ["*"]`)
	s.fetched("a", "b", "c")
	other := s.process()
	for i, name := range []string{"a", "b", "c"} {
		s.origin.Set("/"+name, origin.File{Seed: uint64(10 + i), Size: 200 << 10, ModTime: origin.Epoch.Add(time.Hour)})
	}
	old := make(map[mirror.Name]index.Record)
	for rec, err := range s.Engine.Index().Files(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		old[mirror.Name(rec.Name)] = rec
	}
	v := &verifying{Site: s.Site, ctx: t.Context()}
	v.reader.read = func(int) {}
	for name, rec := range old {
		if _, err := other.Repair(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		verdict, now, err := v.judge(rec)
		if err != nil || verdict.State != Right || now.Fetched.Equal(rec.Fetched) {
			t.Errorf("%s: %+v, %v", name, verdict, err)
		}
	}
	// While another process has the lock, it is waited for.
	s.rot("m/a")
	rec := *s.record("m/a")
	unlock := s.lock("m/a")
	judged := make(chan Verdict)
	go func() {
		verdict, _, err := v.judge(rec)
		if err != nil {
			t.Error(err)
		}
		judged <- verdict
	}()
	select {
	case verdict := <-judged:
		t.Errorf("judged while it was being fetched: %+v", verdict)
	case <-time.After(50 * time.Millisecond): // nothing must happen
	}
	unlock()
	if verdict := <-judged; verdict.State != Damaged {
		t.Errorf("%+v", verdict)
	}
	// What was repaired since it was judged is not taken away.
	if _, err := other.Repair(t.Context(), "m/a"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Engine.Quarantine(t.Context(), rec); !errors.Is(err, mirror.ErrChanged) {
		t.Errorf("quarantined by an old record: %v", err)
	}
}

// TestVerifyReadsTwice: what is read wrongly once is not damaged, and neither is what
// somebody writes to just then.
func TestVerifyReadsTwice(t *testing.T) {
	s := newSite(t, "")
	s.fetched("misread", "written")
	right := s.content("m/misread")
	judge := func(name string, meanwhile func()) (Verdict, Verified) {
		t.Helper()
		s.rot(name)
		v := &verifying{Site: s.Site, ctx: t.Context()}
		read := 0
		v.reader.read = func(n int) {
			if read += n; read == 300<<10 {
				meanwhile()
			}
		}
		verdict, _, err := v.judge(*s.record(name))
		if err != nil {
			t.Fatal(err)
		}
		return verdict, v.sum
	}
	verdict, sum := judge("m/misread", func() {
		at := s.record("m/misread").ModTime
		if err := errors.Join(os.WriteFile(s.path("m/misread"), right, 0o644), os.Chtimes(s.path("m/misread"), at, at)); err != nil {
			t.Error(err)
		}
	})
	if verdict.State != Right || sum.Misread != 1 {
		t.Errorf("%+v, %+v", verdict, sum)
	}
	verdict, _ = judge("m/written", func() { s.put("m/written", string(right)) })
	if verdict.State != Changed {
		t.Errorf("%+v", verdict)
	}
}

// TestVerifyGoesOn: what ended a run leaves the rest for the next one.
func TestVerifyGoesOn(t *testing.T) {
	s := newSite(t, "")
	s.fetched("a", "b", "c", "d")
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	ctx, stop := context.WithCancel(t.Context())
	s.rot("m/b") // its repair is where it ends
	release := s.origin.HoldAfter("/b", 0)
	done := make(chan error)
	go func() { done <- s.VerifyRound(ctx, logger) }()
	s.origin.Await("/b", 2)
	if err := s.VerifyRound(t.Context(), logger); err != nil {
		t.Errorf("a second one beside it: %v", err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	release()
	r := readRound(s.Engine.Tree())
	if r.ended || r.after != "m/a" {
		t.Errorf("noted: %v\n%s", r, &log)
	}
	s.rot("m/a")
	log.Reset()
	if err := s.VerifyRound(t.Context(), logger); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"after=/m/a", "path=/m/b done=repaired", "files=3"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, &log)
		}
	}
	log.Reset()
	if err := s.VerifyRound(t.Context(), logger); err != nil || log.Len() > 0 {
		t.Errorf("a second round on the same day: %v\n%s", err, &log)
	}
	r = readRound(s.Engine.Tree())
	r.begun = r.begun.Add(-roundEvery)
	if err := r.write(s.Engine.Tree()); err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyRound(t.Context(), logger); err != nil || !strings.Contains(log.String(), "path=/m/a done=repaired") {
		t.Errorf("the next day: %v\n%s", err, &log)
	}
}

// TestRoundNotes: names are bytes, and what was damaged is no round.
func TestRoundNotes(t *testing.T) {
	tree := newSite(t, "").Engine.Tree()
	for _, want := range []round{
		{begun: time.Unix(1e9, 0).UTC(), after: "m/\xff \"a\"\n"},
		{begun: time.Unix(1e9, 0).UTC(), ended: true},
	} {
		if err := want.write(tree); err != nil {
			t.Fatal(err)
		}
		if got := readRound(tree); got != want {
			t.Errorf("read %v, wrote %v", got, want)
		}
	}
	for _, text := range []string{"", "2001", "now false \"a\"\n", "2001-09-09T01:46:40Z false a\n"} {
		if err := tree.WriteState(roundFile, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := readRound(tree); got != (round{}) {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

// TestVerifyClaims: a file that is as it was fetched, and not what an index says,
// is fetched again; one index that is right is enough.
func TestVerifyClaims(t *testing.T) {
	s := newSite(t, "")
	s.fetched("wrong", "right", "sized", "old")
	learn := func(via string, list ...index.Claim) {
		t.Helper()
		if _, err := s.Engine.Index().Learn(t.Context(), index.IndexFile{Name: via, Source: "m/right", Learned: time.Now()}, list); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(a repo.Algorithm, seed uint64) string {
		h := a.New()
		h.Write(origin.Bytes(seed, 300<<10))
		return string(h.Sum(nil))
	}
	claim := func(name string, a repo.Algorithm, seed uint64) index.Claim {
		return index.Claim{Name: name, Size: 300 << 10, Algorithm: uint8(a), Digest: sum(a, seed)}
	}
	learn("m/one.sha256", claim("m/right", repo.SHA256, 99), claim("m/wrong", repo.SHA256, 1),
		index.Claim{Name: "m/sized", Size: 300 << 10}, claim("m/old", repo.SHA512, 40))
	learn("m/two.sha256", claim("m/right", repo.MD5, 2))
	if sum, told := s.verified("m", VerifyOptions{DryRun: true}); sum.Right != 3 || sum.Wrong != 1 || told["m/old"].State != Wrong {
		t.Errorf("%+v, %v", sum, told)
	}
	learn("m/one.sha256", claim("m/right", repo.SHA256, 99), claim("m/wrong", repo.SHA256, 1), claim("m/old", repo.SHA512, 40),
		index.Claim{Name: "m/sized", Size: 300 << 10, Algorithm: uint8(repo.APKControl), Digest: "of a part of an apk"})
	if sum, told := s.verified("m/sized", VerifyOptions{DryRun: true}); sum.Wrong != 1 || !strings.Contains(told["m/sized"].Text, "APK-CONTROL") {
		t.Errorf("what is no apk: %+v, %v", sum, told)
	}
	learn("m/one.sha256", claim("m/old", repo.SHA512, 40))
	// The upstream has what its index says.
	s.origin.Set("/old", origin.File{Seed: 40, Size: 300 << 10})
	if sum, told := s.verified("m", VerifyOptions{}); sum.Repaired != 1 || sum.Unsettled != 0 || told["m/old"].Done != Repaired {
		t.Errorf("%+v, %v", sum, told)
	}
	// A name that is a digest tells it of itself.
	hashed := "dists/sid/main/by-hash/SHA256/" + strings.Repeat("0", 64)
	s.put("m/"+hashed, "not what the name says")
	if err := s.Engine.Index().Reindexed(t.Context(), []index.Record{s.recordOf("m/" + hashed)}); err != nil {
		t.Fatal(err)
	}
	if sum, told := s.verified("m/dists", VerifyOptions{}); sum.Wrong != 1 || !strings.HasPrefix(told[mirror.Name("m/"+hashed)].Text, "its name says") {
		t.Errorf("%+v, %v", sum, told)
	}
	// It has not: the file stays, since it is what the upstream has.
	learn("m/one.sha256", index.Claim{Name: "m/sized", Size: 5})
	sum2, told := s.verified("m/sized", VerifyOptions{})
	if sum2.Wrong != 1 || sum2.Unsettled != 1 || sum2.Quarantined != 0 || told["m/sized"].State != Wrong {
		t.Errorf("%+v, %v", sum2, told)
	}
	if len(s.content("m/sized")) != 300<<10 {
		t.Error("it has changed")
	}
}
