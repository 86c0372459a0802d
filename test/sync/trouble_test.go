package sync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror/maint"
)

// TestInterrupted: what a sync leaves that is broken off is whole, and the next
// one goes on with it.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	up := rsyncd(t)
	tr := up.tree(t)
	const files = 3000
	for i := range files {
		tr.file(fmt.Sprintf("d%d/%d", i%20, i), 2000)
	}
	tr.age()
	s := newSite(t, "", up.url)
	ctx, stop := context.WithCancel(t.Context())
	p := new(maint.Progress)
	go func() {
		defer stop()
		for p.Done.Load() < files/4 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}()
	_, err := s.Sync(ctx, "m", maint.SyncOptions{Progress: p})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	must(t, s.Engine.Shut(ctx))
	have := 0
	must(t, filepath.WalkDir(s.doc, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		have++
		ours, err := os.ReadFile(path)
		must(t, err)
		theirs, err := os.ReadFile(up.dir + strings.TrimPrefix(path, s.doc))
		must(t, err)
		if string(ours) != string(theirs) {
			t.Errorf("%s is not the upstream's file", path)
		}
		return nil
	}))
	if have < files/4 || have >= files {
		t.Errorf("%d files of %d have come", have, files)
	}
	s.open()
	sum := s.sync(maint.SyncOptions{})
	if sum.Current < have || sum.Fetched+sum.Current != files {
		t.Errorf("%d files were there; then %d were fetched, and %d there", have, sum.Fetched, sum.Current)
	}
	s.same(up.url, "-rltH")
}

// TestLoop: over HTTP a link that leads back shows as a directory without end.
func TestLoop(t *testing.T) {
	t.Parallel()
	up := nginx(t)
	tr := up.tree(t)
	tr.file("a/one", 10)
	tr.file("a/two", 20)
	tr.symlink("a/back", ".")
	tr.symlink("a/further/back", "../..")
	s := newSite(t, "zone = \"UTC\"", up.url)
	sum := s.sync(maint.SyncOptions{})
	if sum.Fetched > 8 || len(sum.Refused) == 0 {
		t.Errorf("%d files were fetched of 2, some by other ways; refused: %v", sum.Fetched, sum.Refused)
	}
	for _, n := range sum.Refused {
		if !strings.Contains(n.Text, "a link does that leads back") {
			t.Errorf("%s: %s", n.Name, n.Text)
		}
	}
	s.again()
}

// TestOthers: what others put into the docroot stays as it is, whatever is
// upstream.
func TestOthers(t *testing.T) {
	t.Parallel()
	up := rsyncd(t)
	tr := up.tree(t)
	for _, name := range []string{"file", "dir/file", "link", "linked/file", "hard/1"} {
		tr.file(name, 100)
	}
	tr.hardlink("hard/0", "hard/1")
	tr.hardlink("hard/2", "hard/1")
	tr.symlink("symlink", "file")
	tr.file("fine", 10)
	s := newSite(t, "", up.url)
	theirs := &tree{t: t, dir: s.doc, at: time.Now()}
	must(t, os.Mkdir(s.doc, 0o755))
	outside := filepath.Join(t.TempDir(), "outside")
	must(t, os.Mkdir(outside, 0o755))
	theirs.put("file", []byte("theirs"))
	theirs.put("dir", []byte("theirs"))
	theirs.symlink("link", "/etc/hostname")
	theirs.symlink("linked", outside)
	theirs.put("symlink", []byte("theirs"))
	theirs.put("hard/0", []byte("theirs"))
	theirs.put("extra/more", []byte("theirs"))
	theirs.put(".hidden", []byte("theirs"))
	before := snapshot(t, s.doc)

	sum, err := s.Sync(t.Context(), "m", maint.SyncOptions{Delete: true})
	must(t, err)
	if len(sum.Failed) > 0 || sum.Deleted+sum.DeletedDirs > 0 {
		t.Errorf("failed: %v, deleted: %d", sum.Failed, sum.Deleted)
	}
	var kept []string
	for _, n := range sum.Kept {
		kept = append(kept, string(n.Name))
	}
	slices.Sort(kept)
	want := []string{"m/dir", "m/extra/more", "m/file", "m/hard/0", "m/link", "m/linked", "m/symlink"}
	if !slices.Equal(kept, want) {
		t.Errorf("kept %q, want %q", kept, want)
	}
	after := snapshot(t, s.doc)
	for name, was := range before {
		if after[name] != was {
			t.Errorf("%s was %q, is %q", name, was, after[name])
		}
	}
	if len(after) != len(before)+3 { // hard/1, hard/2, fine
		t.Errorf("the docroot has %v", after)
	}
	if list, _ := os.ReadDir(outside); len(list) > 0 {
		t.Errorf("outside of the docroot there is %v", list)
	}
}

// snapshot tells each file's content, and where each link leads.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case d.Type()&fs.ModeSymlink != 0:
			all[path], err = os.Readlink(path)
		default:
			var b []byte
			b, err = os.ReadFile(path)
			all[path] = string(b)
		}
		return err
	}))
	return all
}

// TestMixed: links come from the upstream that tells them, files from the first.
func TestMixed(t *testing.T) {
	t.Parallel()
	web, daemon := nginx(t), rsyncd(t)
	at := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	for _, up := range []upstream{web, daemon} {
		tr := up.tree(t)
		tr.at = at
		tr.plainTree()
		tr.symlink("link/to-file", "../one")
		tr.symlink("link/to-directory", "../a/b")
		tr.hardlink("hard/1", "one")
		tr.age()
	}
	s := newSite(t, "", web.url, daemon.url)
	s.sync(maint.SyncOptions{})
	s.same(daemon.url, "-rltH --omit-dir-times --omit-link-times")
	rec, ok, err := s.Engine.Index().File(t.Context(), "m/large")
	must(t, err)
	if !ok || !strings.HasPrefix(rec.Upstream, web.url) {
		t.Errorf("the file came from %s", rec.Upstream)
	}
	s.again()

	// Where nobody tells links any more, those that are here stay.
	daemon.stop()
	if sum := s.sync(maint.SyncOptions{}); sum.Deleted > 0 || sum.Fetched > 0 {
		t.Errorf("%+v", sum)
	}
	if target, err := os.Readlink(filepath.Join(s.doc, "link/to-directory")); err != nil || target != "../a/b" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}

// TestOneAtATime: of two syncs of a mirror one is refused.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	up := rsyncd(t)
	up.tree(t).file("a", 1)
	s := newSite(t, "", up.url)
	asked := false
	_, err := s.Sync(t.Context(), "m", maint.SyncOptions{Tell: func(maint.Action) {
		asked = true
		if _, err := s.Sync(t.Context(), "m", maint.SyncOptions{}); err == nil || !strings.Contains(err.Error(), "another sync of /m/ is running") {
			t.Errorf("error %v", err)
		}
	}})
	must(t, err)
	if !asked {
		t.Error("nothing was told")
	}
}
