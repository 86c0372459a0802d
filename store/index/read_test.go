package index

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// names collects what Files yields.
func names(t *testing.T, x *Index, prefix string) []string {
	t.Helper()
	var got []string
	for r, err := range x.Files(t.Context(), prefix) {
		must(t, err)
		got = append(got, r.Name)
	}
	return got
}

func TestFilesByPrefix(t *testing.T) {
	x := open(t, t.TempDir())
	all := []string{"a", "a/1", "a/2", "a0", "b", "\xff", "\xff\xff", "\xff\xff/x", "é"}
	for _, name := range all {
		must(t, x.Publish(t.Context(), []Record{aRecord(name)}))
	}
	slices.Sort(all) // by bytes
	for prefix, want := range map[string][]string{
		"":         all,
		"a/":       {"a/1", "a/2"},
		"a":        {"a", "a/1", "a/2", "a0"},
		"a/1":      {"a/1"},
		"A":        nil,
		"\xff":     {"\xff", "\xff\xff", "\xff\xff/x"},
		"\xff\xff": {"\xff\xff", "\xff\xff/x"},
		"%":        nil,
	} {
		if got := names(t, x, prefix); !reflect.DeepEqual(got, want) {
			t.Errorf("prefix %q: %q, want %q", prefix, got, want)
		}
	}
}

func TestAfter(t *testing.T) {
	for prefix, want := range map[string]string{"": "", "a": "b", "a\xff": "b", "a\xffb": "a\xffc", "\xff\xff": ""} {
		if got := after(prefix); string(got) != want {
			t.Errorf("after(%q) is %q, want %q", prefix, got, want)
		}
	}
}

// Many pages, and a caller that writes to the table that it walks through.
func TestFilesWhileWriting(t *testing.T) {
	for _, mode := range []string{modeWAL, modeDelete} {
		t.Run(mode, func(t *testing.T) {
			x := openMode(t, t.TempDir(), mode)
			for _, n := range []int{pageRows - 1, pageRows, 2*pageRows + 1} {
				var batch []Record
				for i := range n {
					batch = append(batch, aRecord(fmt.Sprintf("%05d", i)))
				}
				must(t, x.Publish(t.Context(), batch))
				seen := 0
				for r, err := range x.Files(t.Context(), "") {
					must(t, err)
					if want := batch[seen].Name; r.Name != want {
						t.Fatalf("row %d is %q, want %q", seen, r.Name, want)
					}
					if seen++; seen%100 == 0 {
						must(t, x.Remove(t.Context(), r.Name))
					}
				}
				if seen != n {
					t.Errorf("%d rows of %d", seen, n)
				}
			}
		})
	}
}

func TestFilesEndsEarly(t *testing.T) {
	x := open(t, t.TempDir())
	var batch []Record
	for i := range 2 * pageRows {
		batch = append(batch, aRecord(fmt.Sprintf("%05d", i)))
	}
	must(t, x.Publish(t.Context(), batch))
	for range x.Files(t.Context(), "") {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows, failures := 0, 0
	for _, err := range x.Files(ctx, "") {
		if err != nil {
			failures++
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		} else {
			rows++
		}
		cancel()
	}
	if rows != pageRows || failures != 1 {
		t.Errorf("%d rows and %d errors, want a page of %d and one", rows, failures, pageRows)
	}
}

func TestPartials(t *testing.T) {
	x := open(t, t.TempDir())
	want := []Partial{aPartial("a"), aPartial("b\xff"), aPartial("c")}
	for _, p := range want {
		must(t, x.PutPartial(t.Context(), p))
	}
	var got []Partial
	for p, err := range x.Partials(t.Context()) {
		must(t, err)
		got = append(got, p)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
