package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// open returns the index of a state directory, closed when the test ends.
func open(t testing.TB, dir string) *Index {
	t.Helper()
	return openMode(t, dir, "")
}

func openMode(t testing.TB, dir, mode string) *Index {
	t.Helper()
	x, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode != "" {
		x.mode = mode
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// must ends the test if err is one.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// at is a moment that tests like to see come back.
func at(seconds int64) time.Time { return time.Unix(seconds, 123456789).UTC() }

func aRecord(name string) Record {
	return Record{
		Name: name, Upstream: "http://one.example/" + name, Size: 42, ModTime: at(1e9), Inode: 1<<63 + 7,
		ETag: "W/\"caf\xe9\"", LastModified: "Sun, 09 Sep 2001 01:46:40 GMT", ContentType: "text/plain",
		Digest: []byte{0, 1, 2}, Fetched: at(2e9), Checked: at(3e9), Ours: true, Fresh: 90 * time.Second,
	}
}

func aPartial(name string) Partial {
	return Partial{
		Name: name, Upstream: "http://one.example/" + name, Inode: 1<<63 + 7, Total: 42, ModTime: at(1e9),
		ETag: `"v1"`, LastModified: "Sun, 09 Sep 2001 01:46:40 GMT", ContentType: "text/plain",
		Boot: "boot-1", Synced: 17, Digest: []byte{0, 1, 2}, Started: at(2e9), Fresh: time.Hour + 1,
	}
}

func aFailure(name string) Failure {
	return Failure{Name: name, Kind: "timeout", Cause: "no answer for 30 s", Upstream: "http://one.example/",
		At: at(1e9), Until: at(1e9 + 60), Since: at(1e9)}
}

// expectFile, expectPartial and expectFailure compare what is recorded of a
// name with what is wanted, nil for nothing: through the single calls and
// through Lookup, which must agree.
func expectFile(t *testing.T, x *Index, name string, want *Record) {
	t.Helper()
	got, ok, err := x.File(t.Context(), name)
	all, _, _, err2 := x.Lookup(t.Context(), name)
	expect(t, got, ok, all, want, errors.Join(err, err2))
}

func expectPartial(t *testing.T, x *Index, name string, want *Partial) {
	t.Helper()
	got, ok, err := x.Partial(t.Context(), name)
	_, all, _, err2 := x.Lookup(t.Context(), name)
	expect(t, got, ok, all, want, errors.Join(err, err2))
}

func expectFailure(t *testing.T, x *Index, name string, want *Failure) {
	t.Helper()
	got, ok, err := x.Failure(t.Context(), name)
	_, _, all, err2 := x.Lookup(t.Context(), name)
	expect(t, got, ok, all, want, errors.Join(err, err2))
}

func expect[T any](t *testing.T, got T, ok bool, lookup, want *T, err error) {
	t.Helper()
	must(t, err)
	if want == nil {
		if ok || lookup != nil {
			t.Errorf("got %+v and %+v, want none", got, lookup)
		}
		return
	}
	if !ok || !reflect.DeepEqual(got, *want) {
		t.Errorf("got %+v (%v), want %+v", got, ok, *want)
	}
	if !reflect.DeepEqual(lookup, want) {
		t.Errorf("Lookup got %+v, want %+v", lookup, *want)
	}
}

// expectChanges compares the change log, as "op name" in one line each.
func expectChanges(t *testing.T, x *Index, want ...string) {
	t.Helper()
	changes, err := x.Changes(t.Context(), 0, 100)
	must(t, err)
	var got []string
	for _, c := range changes {
		got = append(got, c.Op+" "+c.Name)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the change log is %q, want %q", got, want)
	}
}

func TestOpenIsLazy(t *testing.T) {
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	x := open(t, dir)
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("Open created %v", entries)
	}
	goleak.VerifyNone(t, before)
	must(t, x.Close())
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("Close created %v", entries)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(t.TempDir() + "/missing"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestClose(t *testing.T) {
	x := openMode(t, t.TempDir(), modeWAL)
	must(t, x.PutPartial(t.Context(), aPartial("a")))
	expectPartial(t, x, "a", ptr(aPartial("a")))
	must(t, x.Close())
	if _, err := os.Stat(x.path + "-wal"); err == nil {
		t.Error("the log is still there: somebody has the database open")
	}
	if err := x.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
	if err := x.PutPartial(t.Context(), aPartial("a")); !errors.Is(err, ErrClosed) {
		t.Errorf("a write after Close: %v", err)
	}
	if _, _, err := x.File(t.Context(), "a"); !errors.Is(err, ErrClosed) {
		t.Errorf("a read after Close: %v", err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestDirectoryNameIsTakenLiterally(t *testing.T) {
	dir := t.TempDir() + "/a?b#c%41 d\xff&mode=memory"
	must(t, os.Mkdir(dir, 0o700))
	must(t, open(t, dir).PutPartial(t.Context(), aPartial("a")))
	if _, err := os.Stat(dir + "/" + FileName); err != nil {
		t.Error(err)
	}
}

// The files are as private as the directory, and belong to its owner even where
// root creates them.
func TestFileModes(t *testing.T) {
	for _, mode := range []struct{ dir, file os.FileMode }{{0o700, 0o600}, {0o770, 0o660}, {0o755, 0o640}} {
		dir := t.TempDir() + "/state"
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.Chmod(dir, mode.dir))
		owner := os.Getuid()
		if owner == 0 {
			owner = 4711
			must(t, os.Chown(dir, owner, owner))
		}
		must(t, openMode(t, dir, modeWAL).PutPartial(t.Context(), aPartial("a")))
		for _, name := range []string{FileName, FileName + "-wal", FileName + "-shm"} {
			info, err := os.Stat(dir + "/" + name)
			must(t, err)
			uid := int(info.Sys().(*syscall.Stat_t).Uid)
			if info.Mode() != mode.file || uid != owner {
				t.Errorf("in a directory %v of %d, %s is %v of %d; want %v", mode.dir, owner, name, info.Mode(), uid, mode.file)
			}
		}
	}
}

func TestJournalMode(t *testing.T) {
	for _, c := range []struct {
		name string
		fs   uint32
		want string
	}{
		{"ext4", 0xEF53, modeWAL},
		{"xfs", 0x58465342, modeWAL},
		{"btrfs", 0x9123683E, modeWAL},
		{"tmpfs", 0x01021994, modeWAL},
		{"overlayfs", 0x794C7630, modeWAL},
		{"zfs", 0x2FC12FC1, modeWAL},
		{"nfs", 0x6969, modeDelete},
		{"smb", 0x517B, modeDelete},
		{"cifs", 0xFF534D42, modeDelete},
		{"smb2", 0xFE534D42, modeDelete},
		{"9p", 0x01021997, modeDelete},
		{"fuse", 0x65735546, modeDelete},
		{"ceph", 0x00C36400, modeDelete},
		{"lustre", 0x0BD00BD0, modeDelete},
	} {
		if got := journalMode(c.fs); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A state directory that moved to a network file system leaves WAL behind at
// the first use, be it a read; the way back is not taken.
func TestJournalModeChanges(t *testing.T) {
	dir := t.TempDir()
	x := openMode(t, dir, modeWAL)
	must(t, x.PutPartial(t.Context(), aPartial("a")))
	must(t, x.Close())
	for _, mode := range []string{modeDelete, modeWAL} {
		x = openMode(t, dir, mode)
		expectPartial(t, x, "a", ptr(aPartial("a")))
		must(t, x.PutPartial(t.Context(), aPartial("a")))
		if _, err := os.Stat(dir + "/" + FileName + "-wal"); err == nil {
			t.Errorf("opened with %q: there is a -wal file", mode)
		}
		must(t, x.Close())
	}
}

// TestManyGoroutines lets everything happen at once; the race detector watches.
func TestManyGoroutines(t *testing.T) {
	x := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 10 {
				name := fmt.Sprintf("%d/%d", g, i)
				err := errors.Join(
					x.PutPartial(ctx, aPartial(name)),
					x.Intend(ctx, []Partial{aPartial(name)}),
					x.Publish(ctx, []Record{aRecord(name)}),
					x.Touch(ctx, name, at(4e9), "", "", 0),
					x.PutFailure(ctx, aFailure(name)))
				if err != nil {
					t.Error(err)
				}
				if record, partial, failure, err := x.Lookup(ctx, name); record == nil || partial != nil || failure == nil || err != nil {
					t.Error(record, partial, failure, err)
				}
				for _, err := range x.Files(ctx, "") {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if changes, err := x.Changes(ctx, 0, 1000); len(changes) != 160 || err != nil {
		t.Errorf("%d changes, %v; want 160", len(changes), err)
	}
}

// A group's file is the group's as soon as it is there: another user of it may come at once.
func TestSharedFromTheStart(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o002)) // as every program of ours
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o770|os.ModeSetgid))
	x := open(t, dir)
	var made atomic.Int64
	const files = 300
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for made.Load() < files {
			if fi, err := os.Stat(x.path); err == nil && fi.Mode().Perm() != 0o660 {
				t.Errorf("mode %v", fi.Mode())
				return
			}
		}
	}()
	for range files {
		must(t, x.create())
		must(t, os.Remove(x.path))
		made.Add(1)
	}
	<-watched
}
