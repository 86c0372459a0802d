package index

import (
	"reflect"
	"testing"
	"time"
)

func open(t testing.TB, dir string) *Index {
	t.Helper()
	x, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func TestSmoke(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	r := Record{Name: "a/\xff'\n", Upstream: "http://x/", Size: 3, Ours: true, ModTime: time.Unix(3, 5).UTC(), Inode: 1 << 63, ETag: "e"}
	if err := x.Publish(ctx, []Record{r}); err != nil {
		t.Fatal(err)
	}
	got, ok, err := x.File(ctx, r.Name)
	if err != nil || !ok || !reflect.DeepEqual(got, r) {
		t.Fatal(got, ok, err)
	}
	a, b, c, err := x.Lookup(ctx, r.Name)
	t.Log(a, b, c, err)
	for r, err := range x.Files(ctx, "") {
		t.Log(r, err)
	}
	t.Log(x.Changes(ctx, 0, 10))
	if err := x.PutPartial(ctx, Partial{Name: "b", Total: -1}); err != nil {
		t.Fatal(err)
	}
	t.Log(x.Lookup(ctx, "b"))
}
