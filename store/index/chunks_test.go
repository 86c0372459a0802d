package index

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// batch are records of the names.
func batch(names ...string) (all []Record) {
	for i, name := range names {
		r := aRecord(name)
		r.Size, r.Ours = int64(i), false
		all = append(all, r)
	}
	return all
}

// numbered are n names.
func numbered(prefix string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint(prefix, i))
	}
	return names
}

// knowledge is all that there is of files, partials, failures, dropped files and changes.
func knowledge(t *testing.T, x *Index) (all []string) {
	t.Helper()
	tell := func(what any, err error) {
		must(t, err)
		all = append(all, fmt.Sprintf("%+v", what))
	}
	for r, err := range x.Files(t.Context(), "") {
		tell(r, err)
	}
	for p, err := range x.Partials(t.Context()) {
		tell(p, err)
	}
	for d, err := range x.Dropped(t.Context(), at(1e9)) {
		tell(d, err)
	}
	for _, r := range slices.Concat(numbered("new", 200), numbered("known", 200)) {
		if f, ok, err := x.Failure(t.Context(), r); ok {
			tell(f, err)
		}
	}
	changes, err := x.Changes(t.Context(), 0, 1000)
	must(t, err)
	for _, c := range changes {
		tell(fmt.Sprint(c.Op, c.Name, c.Size, c.ModTime), nil)
	}
	return all
}

// TestBatchIsAsOneByOne: however many files are announced and published together, and
// wherever those lie in the batch that are on record already or come twice, all is as
// if each had come alone.
func TestBatchIsAsOneByOne(t *testing.T) {
	replacing := func(at ...int) []string {
		names := numbered("new", 3*chunk+3)
		for _, i := range at {
			names[i] = fmt.Sprint("known", i)
		}
		return names
	}
	twice := func(first, second int) []string {
		names := numbered("new", 3*chunk+3)
		names[second] = names[first]
		return names
	}
	for name, names := range map[string][]string{
		"none":                      nil,
		"less than a chunk":         numbered("new", chunk-1),
		"a chunk":                   numbered("new", chunk),
		"one more":                  numbered("new", chunk+1),
		"several":                   numbered("new", 3*chunk+3),
		"replaced, first of one":    replacing(chunk),
		"replaced, last of one":     replacing(2*chunk - 1),
		"replaced, in all":          replacing(1, chunk+1, 2*chunk+1, 3*chunk+1),
		"twice in one":              twice(chunk, 2*chunk-1),
		"twice in one, neighbours":  twice(2*chunk-2, 2*chunk-1),
		"twice in two":              twice(chunk-1, chunk),
		"twice in one and the rest": twice(0, 3*chunk),
		"twice in the rest":         twice(3*chunk, 3*chunk+2),
	} {
		t.Run(name, func(t *testing.T) {
			x, single := open(t, t.TempDir()), open(t, t.TempDir())
			records := batch(names...)
			var partials []Partial
			for i, r := range records {
				p := aPartial(r.Name)
				p.Total = int64(i)
				partials = append(partials, p)
			}
			for _, x := range []*Index{x, single} {
				// What of it is on record, dropped or failed before, and neighbours that stay.
				others := batch(append(numbered("known", 3*chunk), "stays")...)
				must(t, x.Publish(t.Context(), others))
				for _, r := range others {
					must(t, x.MarkDropped(t.Context(), "dir", at(5), r.Name))
				}
				for i, r := range append(records, batch("stays", "new199")...) {
					if i%3 == 0 {
						must(t, x.PutFailure(t.Context(), aFailure(r.Name)))
					}
				}
				must(t, x.PutPartial(t.Context(), aPartial("stays")))
				must(t, x.write(t.Context(), "begin anew", false, func(t *transaction) error {
					return errors.Join(t.exec(`DELETE FROM changes`), t.exec(`UPDATE sqlite_sequence SET seq = 1`))
				}))
			}
			compare := func(when string) {
				t.Helper()
				got, want := knowledge(t, x), knowledge(t, single)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, there is\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			must(t, x.Intend(t.Context(), partials))
			for _, p := range partials {
				if p.Publishing {
					t.Error("Intend changed its argument")
				}
				must(t, single.Intend(t.Context(), []Partial{p}))
			}
			compare("intended")
			must(t, x.Publish(t.Context(), records))
			for _, r := range records {
				must(t, single.Publish(t.Context(), []Record{r}))
			}
			compare("published")
			for p, err := range x.Partials(t.Context()) {
				if must(t, err); p.Name != "stays" {
					t.Errorf("%s has a partial", p.Name)
				}
			}
		})
	}
}

// TestBatchIsAllOrNothing: a batch that fails in its second chunk, in the first or in the
// last statement, leaves nothing of any, neither alone nor with others in its transaction.
func TestBatchIsAllOrNothing(t *testing.T) {
	for _, table := range []string{"files", "changes", "partials"} {
		x := open(t, t.TempDir())
		must(t, x.Publish(t.Context(), batch("known")))
		must(t, x.PutFailure(t.Context(), aFailure("new0")))
		// FAIL leaves what the statement has written so far, as a full disk does not.
		_, err := x.writer.conn.ExecContext(t.Context(), `CREATE TEMP TRIGGER refuse BEFORE INSERT ON `+table+`
			WHEN CAST(NEW.name AS TEXT) = 'new`+fmt.Sprint(chunk+3)+`' BEGIN SELECT RAISE(FAIL, 'refused'); END`)
		must(t, err)
		before := knowledge(t, x)
		write := func() error {
			if table == "partials" {
				var all []Partial
				for _, name := range numbered("new", 2*chunk) {
					all = append(all, aPartial(name))
				}
				return x.Intend(t.Context(), all)
			}
			return x.Publish(t.Context(), batch(numbered("new", 2*chunk)...))
		}
		if err := write(); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Fatalf("%s: %v", table, err)
		}
		if after := knowledge(t, x); !reflect.DeepEqual(after, before) {
			t.Errorf("%s: alone it left\n%q, before it there was\n%q", table, after, before)
		}
		outcomes := together(t, x, []func() error{
			func() error { return x.Publish(t.Context(), batch("other")) },
			write,
			func() error { return x.Publish(t.Context(), batch("another")) },
		})
		if outcomes[0] != nil || outcomes[1] == nil || outcomes[2] != nil {
			t.Errorf("%s: %v", table, outcomes)
		}
		if got := names(t, x, ""); !slices.Equal(got, []string{"another", "known", "other"}) {
			t.Errorf("%s: on record are %q", table, got)
		}
		expectFailure(t, x, "new0", ptr(aFailure("new0")))
		expectPartial(t, x, "new0", nil)
		expectChanges(t, x, "add known", "add other", "add another")
	}
}

// TestBatchTrims: the line of the change log that trims may be any of a chunk's.
func TestBatchTrims(t *testing.T) {
	for place := range chunk + 2 {
		x := open(t, t.TempDir())
		must(t, x.Publish(t.Context(), batch("old")))
		old, err := x.Sequence(t.Context())
		must(t, err)
		// Of the chunk's lines, from 0 on, that at place has a round number; -1 and
		// chunk are before and behind it.
		round := (old/trimEvery + 1 + keepChanges/trimEvery) * trimEvery
		must(t, x.write(t.Context(), "skip", false, func(tx *transaction) error {
			return tx.exec(`UPDATE sqlite_sequence SET seq = ? WHERE name = 'changes'`, round-int64(place-1)-1)
		}))
		must(t, x.Publish(t.Context(), batch(numbered("new", chunk)...)))
		changes, err := x.Changes(t.Context(), 0, 100)
		must(t, err)
		trimmed, want := changes[0].Name != "old", 1 <= place && place <= chunk
		if trimmed != want || trimmed && len(changes) != chunk {
			t.Errorf("with a round number at %d of %d: trimmed %v, %d lines", place-1, chunk, trimmed, len(changes))
		}
	}
}
