package index

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestChanges(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	start, err := x.Sequence(ctx)
	must(t, err)
	for _, since := range []int64{0, start} {
		if changes, err := x.Changes(ctx, since, 10); len(changes) != 0 || err != nil {
			t.Errorf("a new log since %d: %v, %v", since, changes, err)
		}
	}
	began := time.Now()
	for _, name := range []string{"a", "b", "c"} {
		must(t, x.Publish(ctx, []Record{aRecord(name)}))
	}
	changes, err := x.Changes(ctx, start, 2)
	must(t, err)
	if len(changes) != 2 {
		t.Fatalf("%d changes, want 2", len(changes))
	}
	if c := changes[1]; c.Seq != start+2 || c.Name != "b" || c.Op != OpAdd || c.Size != 42 ||
		!c.ModTime.Equal(at(1e9)) || c.At.Before(began) || c.At.After(time.Now()) {
		t.Errorf("the second change is %+v", c)
	}
	changes, err = x.Changes(ctx, start+2, 10)
	if len(changes) != 1 || changes[0].Name != "c" || err != nil {
		t.Errorf("the rest is %+v, %v", changes, err)
	}
	if last, err := x.Sequence(ctx); last != start+3 || err != nil {
		t.Errorf("the last sequence number is %d, %v; want %d", last, err, start+3)
	}
	for _, since := range []int64{start - 1, start + 4} {
		if _, err := x.Changes(ctx, since, 10); !errors.Is(err, ErrGap) {
			t.Errorf("since %d: %v, want ErrGap", since, err)
		}
	}
}

// A rebuilt database goes on above the old one's numbers.
func TestSequenceSurvivesTheDatabase(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	must(t, x.Publish(t.Context(), []Record{aRecord("a")}))
	old, err := x.Sequence(t.Context())
	must(t, err)
	must(t, x.Close())
	must(t, os.Remove(dir+"/"+FileName))

	x = open(t, dir)
	must(t, x.Publish(t.Context(), []Record{aRecord("a")}))
	if _, err := x.Changes(t.Context(), old, 10); !errors.Is(err, ErrGap) {
		t.Errorf("since the old database's last change: %v, want ErrGap", err)
	}
}

func TestChangesAreTrimmed(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	must(t, x.Publish(ctx, []Record{aRecord("old")}))
	old, err := x.Sequence(ctx)
	must(t, err)
	// As if many lines had been written and the next were the one to trim.
	next := (old/trimEvery + 1 + keepChanges/trimEvery) * trimEvery
	must(t, x.write(ctx, "skip", false, func(t *transaction) error {
		return t.exec(`UPDATE sqlite_sequence SET seq = ? WHERE name = 'changes'`, next-1)
	}))
	must(t, x.Publish(ctx, []Record{aRecord("new")}))
	expectChanges(t, x, "add new")
	if _, err := x.Changes(ctx, old, 10); !errors.Is(err, ErrGap) {
		t.Errorf("since the trimmed line: %v, want ErrGap", err)
	}
}

func TestFailuresAreARing(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	must(t, x.PutFailure(ctx, aFailure("old")))
	must(t, x.PutFailure(ctx, aFailure("asked again")))
	must(t, x.write(ctx, "skip", false, func(t *transaction) error {
		return t.exec(`UPDATE failures SET id = ? WHERE name = ?`, keepFailures+trimEvery-2, []byte("asked again"))
	}))
	must(t, x.PutFailure(ctx, aFailure("asked again")))
	must(t, x.PutFailure(ctx, aFailure("new")))
	expectFailure(t, x, "old", nil)
	expectFailure(t, x, "asked again", ptr(aFailure("asked again")))
	expectFailure(t, x, "new", ptr(aFailure("new")))
}
