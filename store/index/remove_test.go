package index

import (
	"testing"
	"time"
)

// A name that is not recorded must not keep those behind it.
func TestRemoveGoesOnAfterAnUnknownName(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	if err := x.Publish(ctx, []Record{{Name: "a", ModTime: time.Unix(1, 0)}}); err != nil {
		t.Fatal(err)
	}
	if err := x.Remove(ctx, "unknown", "a"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := x.File(ctx, "a"); ok || err != nil {
		t.Fatalf("a is still recorded (%v)", err)
	}
}
