package index

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"
)

func anIndex(name string) IndexFile {
	return IndexFile{Name: name, Source: name + ".xz", Digest: []byte{0, 1, 2},
		Made: at(1e9), Expires: at(2e9), Learned: at(15e8)}
}

func aClaim(name string) Claim {
	return Claim{Name: name, Size: 42, Algorithm: 5, Digest: "\x00\x01\xff", Slot: "slot of " + name,
		Package: true, As: "as\xff"}
}

// claims are those of the given names.
func claims(names ...string) []Claim {
	var all []Claim
	for _, name := range names {
		all = append(all, aClaim(name))
	}
	return all
}

// learn has index claim names at a second, and compares what came of it.
func learn(t *testing.T, x *Index, index string, second int64, dropped int, names ...string) {
	t.Helper()
	f := anIndex(index)
	f.Learned = at(second)
	got, err := x.Learn(t.Context(), f, claims(names...))
	if want := (Learned{Claims: len(names), Dropped: dropped}); err != nil || got != want {
		t.Errorf("%s claims %q: %+v, %v; want %+v", index, names, got, err, want)
	}
}

// collect returns what an iterator yields.
func collect[T any](t *testing.T, all iter.Seq2[T, error]) (got []T) {
	t.Helper()
	for row, err := range all {
		must(t, err)
		got = append(got, row)
	}
	return got
}

// expectDropped compares what is dropped, as "name second via".
func expectDropped(t *testing.T, x *Index, want ...string) {
	t.Helper()
	var got []string
	for _, d := range collect(t, x.Dropped(t.Context(), at(9e9))) {
		got = append(got, fmt.Sprintf("%s %d %s", d.Name, d.Since.Unix(), d.Via))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("dropped is %q, want %q", got, want)
	}
}

// expectClaims compares what is expected of a name.
func expectClaims(t *testing.T, x *Index, name string, want ...Expected) {
	t.Helper()
	got, err := x.Expected(t.Context(), name)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q: %+v, %v; want %+v", name, got, err, want)
	}
}

func TestLearn(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	if _, ok, err := x.IndexFile(ctx, "i"); ok || err != nil {
		t.Fatalf("there is one already: %v", err)
	}
	expectClaims(t, x, "a")

	bare := Claim{Name: "b\xff", Size: -1}
	for _, f := range []IndexFile{anIndex("i"), {Name: "i\xff", Source: "s"}} {
		if got, err := x.Learn(ctx, f, []Claim{bare, aClaim("a")}); err != nil || got != (Learned{Claims: 2}) {
			t.Errorf("%+v, %v", got, err)
		}
		if got, ok, err := x.IndexFile(ctx, f.Name); !ok || err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%+v, %v, %v; want %+v", got, ok, err, f)
		}
	}
	expectClaims(t, x, "a", Expected{aClaim("a"), "i", anIndex("i").Source}, Expected{aClaim("a"), "i\xff", "s"})
	expectClaims(t, x, bare.Name, Expected{bare, "i", anIndex("i").Source}, Expected{bare, "i\xff", "s"})

	// Each field that differs counts as a change.
	for _, change := range []func(c *Claim){
		func(c *Claim) { c.Size++ },
		func(c *Claim) { c.Algorithm = 0 },
		func(c *Claim) { c.Digest = "" },
		func(c *Claim) { c.Slot = "" },
		func(c *Claim) { c.Package = false },
		func(c *Claim) { c.As = "" },
	} {
		c := aClaim("a")
		change(&c)
		_, err := x.Learn(ctx, anIndex("i"), []Claim{c})
		must(t, err)
		expectClaims(t, x, "a", Expected{c, "i", anIndex("i").Source}, Expected{aClaim("a"), "i\xff", "s"})
	}

	must(t, x.ForgetIndex(ctx, "i\xff"))
	must(t, x.ForgetIndex(ctx, "never there"))
	expectClaims(t, x, bare.Name)
	if _, ok, err := x.IndexFile(ctx, "i\xff"); ok || err != nil {
		t.Errorf("forgotten: %v, %v", ok, err)
	}
	if _, ok, err := x.IndexFile(ctx, "i"); !ok || err != nil {
		t.Errorf("the other one: %v, %v", ok, err)
	}
}

// An index may be damaged, or lie: what is claimed twice counts once.
func TestLearnTwice(t *testing.T) {
	x := open(t, t.TempDir())
	weak, strong, other := aClaim("a"), aClaim("a"), aClaim("a")
	weak.Algorithm, other.Size = 2, 43
	given := []Claim{weak, aClaim("b"), strong, other}
	before := slices.Clone(given)
	got, err := x.Learn(t.Context(), anIndex("i"), given)
	if err != nil || got.Claims != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	expectClaims(t, x, "a", Expected{strong, "i", anIndex("i").Source})
	if !slices.Equal(given, before) {
		t.Error("the caller's claims were changed")
	}
}

func TestDropped(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	must(t, x.Publish(ctx, []Record{aRecord("a"), aRecord("b"), aRecord("c")}))
	must(t, x.Reindexed(ctx, []Record{aRecord("others'")}))

	learn(t, x, "i", 1, 0, "a", "b", "c", "missing", "others'")
	learn(t, x, "j", 1, 0, "b")
	learn(t, x, "i", 2, 1, "c") // b is claimed by j, and the rest is not ours
	expectDropped(t, x, "a 2 i")
	learn(t, x, "j", 3, 1)
	expectDropped(t, x, "a 2 i", "b 3 j")

	// The first time counts, and what is claimed is not dropped.
	must(t, x.MarkDropped(ctx, "dir", at(4), "a", "c", "missing", "others'"))
	expectDropped(t, x, "a 2 i", "b 3 j")
	if got := collect(t, x.Dropped(ctx, at(3))); len(got) != 1 || got[0].Name != "a" || !got[0].Since.Equal(at(2)) {
		t.Errorf("dropped before: %+v", got)
	}

	learn(t, x, "j", 5, 0, "a")
	expectDropped(t, x, "b 3 j")
	must(t, x.ClearDropped(ctx, "b", "never there"))
	expectDropped(t, x)
	must(t, x.MarkDropped(ctx, "dir", at(6), "b"))
	expectDropped(t, x, "b 6 dir")

	// What is forgotten proves nothing.
	must(t, x.ForgetIndex(ctx, "i"))
	must(t, x.ForgetIndex(ctx, "j"))
	expectDropped(t, x, "b 6 dir")
}

// A row of dropped goes with the file that it speaks of.
func TestDroppedEnds(t *testing.T) {
	changed := aRecord("a")
	changed.Size++
	for name, end := range map[string]func(x *Index, ctx context.Context) error{
		"publish": func(x *Index, ctx context.Context) error { return x.Publish(ctx, []Record{aRecord("a")}) },
		"remove":  func(x *Index, ctx context.Context) error { return x.Remove(ctx, "a") },
		"adopt":   func(x *Index, ctx context.Context) error { return x.Adopt(ctx, aRecord("a")) },
		"others'": func(x *Index, ctx context.Context) error { return x.Reindexed(ctx, []Record{changed}) },
	} {
		t.Run(name, func(t *testing.T) {
			x := open(t, t.TempDir())
			must(t, x.Publish(t.Context(), []Record{aRecord("a"), aRecord("b")}))
			must(t, x.MarkDropped(t.Context(), "d", at(1), "a", "b"))
			expectDropped(t, x, "a 1 d", "b 1 d")
			must(t, end(x, t.Context()))
			expectDropped(t, x, "b 1 d")
		})
	}
}

func TestSlotsHeld(t *testing.T) {
	x := open(t, t.TempDir())
	var (
		given   []Claim
		records []Record
	)
	for i := range 2*pageRows + 10 {
		c := aClaim(fmt.Sprintf("%05d", i))
		c.Slot = fmt.Sprint(i % 7)
		if i%7 == 0 {
			c.Slot = ""
		}
		given = append(given, c)
		if i%2 == 0 {
			continue
		}
		records = append(records, aRecord(c.Name))
	}
	must(t, x.Publish(t.Context(), append(records, aRecord("unclaimed"))))
	must(t, x.Reindexed(t.Context(), []Record{aRecord("00000")})) // not ours
	slot := given[0]
	slot.Slot = "not ours"
	given[0] = slot
	_, err := x.Learn(t.Context(), anIndex("i"), given)
	must(t, err)
	_, err = x.Learn(t.Context(), anIndex("j"), claims("00001"))
	must(t, err)

	slots, err := x.SlotsHeld(t.Context(), "i")
	must(t, err)
	if got := slices.Sorted(maps.Keys(slots)); !slices.Equal(got, []string{"1", "2", "3", "4", "5", "6"}) {
		t.Errorf("the slots are %q", got)
	}
	if slots, err := x.SlotsHeld(t.Context(), "none"); len(slots) != 0 || err != nil {
		t.Errorf("of none: %v, %v", slots, err)
	}
}

// A version that somebody else learns between the comparison and the write is
// compared anew: nothing of it remains, and what it let go is found.
func TestLearnMeanwhile(t *testing.T) {
	x := open(t, t.TempDir())
	must(t, x.Publish(t.Context(), []Record{aRecord("theirs")}))
	version := func(second int64, names ...string) func() error {
		f := anIndex("i")
		f.Learned = at(second)
		return func() error {
			_, err := x.Learn(t.Context(), f, claims(names...))
			return err
		}
	}
	for _, err := range together(t, x, []func() error{
		version(1, "a", "theirs"), version(2, "a", "b"),
	}) {
		must(t, err)
	}
	expectClaims(t, x, "a", Expected{aClaim("a"), "i", anIndex("i").Source})
	expectClaims(t, x, "b", Expected{aClaim("b"), "i", anIndex("i").Source})
	expectClaims(t, x, "theirs")
	expectDropped(t, x, "theirs 2 i")

	forget := func() error { return x.ForgetIndex(t.Context(), "i") }
	for _, err := range together(t, x, []func() error{forget, version(3, "a", "c")}) {
		must(t, err)
	}
	expectClaims(t, x, "a", Expected{aClaim("a"), "i", anIndex("i").Source})
	expectClaims(t, x, "b")
	expectClaims(t, x, "c", Expected{aClaim("c"), "i", anIndex("i").Source})
}

// learnRole has two processes of a herd learn ARG2 versions each of one index,
// in the journal mode ARG1, while the others publish.
func learnRole(dir string, args []string) error {
	if args[0] > "1" {
		return publishRole(dir, args)
	}
	x, err := Open(dir)
	if err != nil {
		return err
	}
	x.mode = args[1]
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	for v := range n {
		f := anIndex("i")
		f.Source, f.Learned = args[0]+strconv.Itoa(v), time.Now()
		if _, err := x.Learn(context.Background(), f, versionOf(f.Source)); err != nil {
			return err
		}
	}
	return nil
}

// versionOf is a version of an index: a part of its names, and all its sizes,
// are no other version's.
func versionOf(source string) []Claim {
	all := make([]Claim, 2000)
	for i := range all {
		all[i] = aClaim(fmt.Sprintf("%05d", i))
		if i%3 == 0 {
			all[i].Name += source
		}
		if i%3 == 1 {
			all[i].Slot += source
		}
	}
	return all
}

// Two processes learn versions of one index while others publish: nobody fails,
// and what remains is one version.
func TestProcessesLearn(t *testing.T) {
	for mode, each := range map[string]int{modeWAL: 12, modeDelete: 6} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			herd(t, 4, "learn", dir, mode, each)
			expectNames(t, dir, mode, 2*each)
			x := openMode(t, dir, mode)
			f, _, err := x.IndexFile(t.Context(), "i")
			must(t, err)
			expectVersion(t, x, versionOf(f.Source))
		})
	}
}

// expectVersion compares all that is claimed.
func expectVersion(t *testing.T, x *Index, want []Claim) {
	t.Helper()
	var got []Claim
	must(t, x.read(t.Context(), "list claims", func(r *reader) error {
		got = nil
		return r.rows(`SELECT `+claimColumns+` FROM expected ORDER BY name`, func(scan scanner) error {
			var c Claim
			err := scan(c.fields()...)
			got = append(got, c)
			return err
		})
	}))
	if !slices.Equal(got, want) {
		t.Errorf("%d claims are not those %d of the version", len(got), len(want))
	}
}

// A large transaction leaves no long log behind, though a reader be in the way
// of the first try.
func TestLongLog(t *testing.T) {
	x := openMode(t, t.TempDir(), modeWAL)
	must(t, x.PutPartial(t.Context(), aPartial("a")))
	var many []Claim
	for i := range 20_000 {
		many = append(many, aClaim(fmt.Sprintf("%0200d", i)))
	}
	must(t, x.read(t.Context(), "read meanwhile", func(r *reader) error {
		rows, err := r.db.Query(`SELECT name FROM partials`)
		must(t, err)
		defer rows.Close()
		rows.Next()
		_, err = x.Learn(t.Context(), anIndex("i"), many)
		must(t, err)
		if length := logLength(t, x); length <= longLog {
			t.Errorf("the log has %d bytes: too few for this test", length)
		}
		return rows.Err()
	}))
	must(t, x.PutPartial(t.Context(), aPartial("b")))
	if length := logLength(t, x); length > longLog {
		t.Errorf("the log has %d bytes", length)
	}
	must(t, x.ForgetIndex(t.Context(), "i"))
	if length := logLength(t, x); length > longLog {
		t.Errorf("the log has %d bytes once the index is forgotten", length)
	}
}

func logLength(t *testing.T, x *Index) int64 {
	t.Helper()
	log, err := os.Stat(x.path + "-wal")
	must(t, err)
	return log.Size()
}

// TestHint tells which of the two questions has an answer.
func TestHint(t *testing.T) {
	ctx := t.Context()
	x := open(t, t.TempDir())
	hint := func(name string, want Hint) {
		t.Helper()
		if got, err := x.Hint(ctx, name); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	hint("a", Hint{})
	if err := x.PutFailure(ctx, Failure{Name: "a", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	hint("a", Hint{Failed: true})
	if _, err := x.Learn(ctx, IndexFile{Name: "index"}, []Claim{{Name: "b", Size: 1}, {Name: "a", Size: 1}}); err != nil {
		t.Fatal(err)
	}
	hint("a", Hint{Failed: true, Expected: true})
	hint("b", Hint{Expected: true})
	hint("c", Hint{})
}
