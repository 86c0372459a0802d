package index

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"
)

// The life of one name, from partial to published to replaced to removed.
func TestLife(t *testing.T) {
	for _, mode := range []string{modeWAL, modeDelete} {
		t.Run(mode, func(t *testing.T) {
			x := openMode(t, t.TempDir(), mode)
			ctx := t.Context()
			expectFile(t, x, "a", nil)
			expectPartial(t, x, "a", nil)
			expectFailure(t, x, "a", nil)

			must(t, x.PutFailure(ctx, aFailure("a")))
			expectFailure(t, x, "a", ptr(aFailure("a")))

			partial := aPartial("a")
			partial.Total, partial.Digest = -1, nil
			must(t, x.PutPartial(ctx, partial))
			expectPartial(t, x, "a", &partial)

			partial = aPartial("a")
			must(t, x.Intend(ctx, []Partial{partial, aPartial("b")}))
			partial.Publishing = true
			expectPartial(t, x, "a", &partial)

			must(t, x.Publish(ctx, []Record{aRecord("a"), aRecord("b")}))
			expectFile(t, x, "a", ptr(aRecord("a")))
			expectPartial(t, x, "a", nil)
			expectPartial(t, x, "b", nil)
			expectFailure(t, x, "a", nil)
			expectChanges(t, x, "add a", "add b")

			newer := aRecord("a")
			newer.Size, newer.Digest, newer.Ours = 43, nil, false
			must(t, x.Publish(ctx, []Record{newer}))
			newer.Ours = true
			expectFile(t, x, "a", &newer)

			must(t, x.Remove(ctx, "a", "never there", "b"))
			expectFile(t, x, "a", nil)
			expectFile(t, x, "b", nil)
			expectChanges(t, x, "add a", "add b", "replace a", "remove a", "remove b")
		})
	}
}

func TestDeletePartial(t *testing.T) {
	x := open(t, t.TempDir())
	must(t, x.PutPartial(t.Context(), aPartial("a")))
	for range 2 { // the second time there is nothing to delete
		must(t, x.DeletePartial(t.Context(), "a"))
		expectPartial(t, x, "a", nil)
	}
}

// TestFailingSince: a failure that comes again tells since when it does, unless it was
// another one, or the file was current, in between.
func TestFailingSince(t *testing.T) {
	x := open(t, t.TempDir())
	must(t, x.Publish(t.Context(), []Record{aRecord("a")}))
	f := aFailure("a")
	put := func(when int64, kind string, since int64) {
		t.Helper()
		f.Kind, f.At, f.Since = kind, at(when), at(when)
		must(t, x.PutFailure(t.Context(), f))
		f.Since = at(since)
		expectFailure(t, x, "a", &f)
	}
	put(1e9, "halfway", 1e9)
	put(2e9, "halfway", 1e9)
	put(3e9, "timeout", 3e9)
	put(4e9, "halfway", 4e9)
	must(t, x.Touch(t.Context(), "a", at(5e9), "", "", 0))
	expectFailure(t, x, "a", nil)
	put(6e9, "halfway", 6e9)

	root := aFailure("") // a mirror of the whole docroot has this prefix
	must(t, x.PutFailure(t.Context(), root))
	expectFailure(t, x, "", &root)
}

func TestForgetFailures(t *testing.T) {
	for prefix, stays := range map[string]bool{"": false, "m/": true} {
		x := open(t, t.TempDir())
		other := aFailure("m/other kind")
		other.Kind = "notfound"
		for _, f := range []Failure{aFailure("m/a"), other, aFailure("n")} {
			must(t, x.PutFailure(t.Context(), f))
		}
		must(t, x.ForgetFailures(t.Context(), prefix, "timeout"))
		expectFailure(t, x, "m/a", nil)
		expectFailure(t, x, other.Name, &other)
		if stays {
			expectFailure(t, x, "n", ptr(aFailure("n")))
		} else {
			expectFailure(t, x, "n", nil)
		}
	}
}

func TestDescribesAndBecame(t *testing.T) {
	r, p := aRecord("a"), aPartial("a")
	p.Publishing = true
	for _, c := range []struct {
		inode     uint64
		size      int64
		mtime     time.Time
		describes bool
		became    bool
	}{
		{p.Inode, 42, at(1e9), true, true},
		{p.Inode, 42, at(1e9).In(time.FixedZone("", 3600)), true, true},
		{p.Inode + 1, 42, at(1e9), true, false},
		{p.Inode, 43, at(1e9), false, false},
		{p.Inode, 42, at(1e9).Add(1), false, false},
	} {
		if got := r.Describes(c.size, c.mtime); got != c.describes {
			t.Errorf("Describes(%d, %v) = %v", c.size, c.mtime, got)
		}
		if got := p.Became(c.inode, c.size, c.mtime); got != c.became {
			t.Errorf("Became(%d, %d, %v) = %v", c.inode, c.size, c.mtime, got)
		}
	}
	p.Publishing = false
	if p.Became(p.Inode, p.Total, p.ModTime) {
		t.Error("a partial file that nobody was about to publish became a published one")
	}
}

func TestTouch(t *testing.T) {
	x := open(t, t.TempDir())
	must(t, x.Publish(t.Context(), []Record{aRecord("a")}))
	want := aRecord("a")

	want.Checked = at(4e9)
	must(t, x.Touch(t.Context(), "a", want.Checked, "", "", 0))
	expectFile(t, x, "a", &want)

	want.Checked, want.ETag, want.LastModified = at(5e9), `"v2"`, "later"
	must(t, x.Touch(t.Context(), "a", want.Checked, want.ETag, want.LastModified, 0))
	expectFile(t, x, "a", &want)

	for _, want.Fresh = range []time.Duration{-1, time.Hour} {
		must(t, x.Touch(t.Context(), "a", want.Checked, "", "", want.Fresh))
		expectFile(t, x, "a", &want)
	}
	must(t, x.Touch(t.Context(), "a", want.Checked, "", "", 0))
	expectFile(t, x, "a", &want)

	must(t, x.Touch(t.Context(), "never there", want.Checked, "", "", 0))
	expectFile(t, x, "never there", nil)
	expectChanges(t, x, "add a")
}

func TestReindexedAndAdopt(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	must(t, x.Publish(ctx, []Record{aRecord("same"), aRecord("other size"), aRecord("other mtime")}))
	must(t, x.Intend(ctx, []Partial{aPartial("intended"), aPartial("other inode")}))
	must(t, x.PutPartial(ctx, aPartial("growing")))

	found := func(name string) Record {
		return Record{Name: name, Size: 42, ModTime: at(1e9), Inode: 1<<63 + 7, Ours: true}
	}
	size, mtime, inode := found("other size"), found("other mtime"), found("other inode")
	size.Size, mtime.ModTime, inode.Inode = 43, at(1e9+1), 8
	must(t, x.Reindexed(ctx, []Record{found("same"), size, mtime, found("intended"), inode, found("growing"), found("new")}))

	expectFile(t, x, "same", ptr(aRecord("same")))
	expectFile(t, x, "intended", ptr(aPartial("intended").Record()))
	expectPartial(t, x, "intended", nil)
	for _, r := range []Record{size, mtime, inode, found("growing"), found("new")} {
		r.Ours = false
		expectFile(t, x, r.Name, &r)
	}
	expectPartial(t, x, "growing", ptr(aPartial("growing")))
	expectChanges(t, x, "add same", "add other size", "add other mtime",
		"found other size", "found other mtime", "add intended", "found other inode", "found growing", "found new")

	// Found again, nothing changes; adopted, they are ours.
	must(t, x.Reindexed(ctx, []Record{found("new"), size}))
	must(t, x.Adopt(ctx, size, aRecord("adopted")))
	expectFile(t, x, "adopted", ptr(aRecord("adopted")))
	expectFile(t, x, size.Name, &size)
	changes, err := x.Changes(ctx, 0, 100)
	must(t, err)
	if len(changes) != 11 || changes[9].Op != OpAdopt || changes[10].Name != "adopted" || changes[9].Size != 43 {
		t.Errorf("the last changes are %+v", changes[9:])
	}
}

func TestNamesAreBytes(t *testing.T) {
	var every []byte
	for b := 1; b < 256; b++ {
		every = append(every, byte(b))
	}
	x := open(t, t.TempDir())
	for _, name := range []string{
		string(every), "a\nb", `it's "quoted"`, "100%_*?[x]", "caf\xe9", "café", "cafe\u0301",
		"-rf", " ", "\\", "a/../b", "\xff\xff", "';DROP TABLE files;--",
	} {
		must(t, x.Publish(t.Context(), []Record{aRecord(name)}))
		must(t, x.PutPartial(t.Context(), aPartial(name)))
		must(t, x.PutFailure(t.Context(), aFailure(name)))
		expectFile(t, x, name, ptr(aRecord(name)))
		expectPartial(t, x, name, ptr(aPartial(name)))
		expectFailure(t, x, name, ptr(aFailure(name)))
	}
}

func TestTimes(t *testing.T) {
	x := open(t, t.TempDir())
	smallest, largest := time.Unix(0, math.MinInt64).UTC(), time.Unix(0, math.MaxInt64).UTC()
	for _, c := range []struct{ put, want time.Time }{
		{time.Time{}, time.Time{}},
		{time.Unix(0, 0), time.Unix(0, 0).UTC()},
		{time.Unix(-1, 1), time.Unix(-1, 1).UTC()},
		{time.Unix(0, 0).Add(1).In(time.FixedZone("", 3600)), time.Unix(0, 1).UTC()},
		{time.Date(1, 2, 3, 0, 0, 0, 0, time.UTC), smallest},
		{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), largest},
	} {
		r := aRecord("a")
		r.ModTime = c.put
		must(t, x.Publish(t.Context(), []Record{r}))
		r.ModTime = c.want
		expectFile(t, x, "a", &r)
	}
}

func TestContextEnded(t *testing.T) {
	x := open(t, t.TempDir())
	ended, end := context.WithCancel(t.Context())
	end()
	if err := x.PutPartial(ended, aPartial("a")); !errors.Is(err, ended.Err()) {
		t.Errorf("a write: %v", err)
	}
	if _, _, err := x.File(ended, "a"); !errors.Is(err, ended.Err()) {
		t.Errorf("a read: %v", err)
	}
	expectPartial(t, x, "a", nil)
}
