package index

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"
)

// What is known of a repository's files comes from its indexes, and is replaced
// index by index. A file can be claimed by several of them (all architectures
// share some packages), and is dropped when the last one lets it go:
//
//	Learn   ->  indexes + expected      what the index claims now
//	        ->  dropped                 what we have and nobody claims any more
//	        ->  dropped rows go         for what is claimed again
//
// A dropped file is on record, and ours: a row of dropped goes when its file's
// row goes or changes.

const (
	selectIndex = `SELECT ` + indexColumns + ` FROM indexes WHERE name = ?`

	// CROSS JOIN has SQLite walk through the table on its left, here and below.
	selectExpected = `SELECT e.name, e.size, e.algorithm, e.digest, e.slot, e.package, e.known_as, i.name, i.source
		FROM expected AS e CROSS JOIN indexes AS i ON i.id = e.via WHERE e.name = ? ORDER BY e.via`

	// No row, where nothing is known, costs less than one of two zeros.
	selectHint = `SELECT EXISTS (SELECT 1 FROM failures WHERE name = ?1)
		+ 2 * EXISTS (SELECT 1 FROM expected WHERE name = ?1) AS what WHERE what > 0`

	selectSlotsHeld = `SELECT DISTINCT e.slot FROM expected AS e CROSS JOIN files AS f ON f.name = e.name AND f.ours
		WHERE e.via = (SELECT id FROM indexes WHERE name = ?) AND e.slot <> x''`
)

// IndexFile returns what is recorded of an index, and whether anything is.
func (x *Index) IndexFile(ctx context.Context, name string) (f IndexFile, ok bool, err error) {
	err = x.read(ctx, "look up an index", func(r *reader) (err error) {
		ok, err = r.row(selectIndex, f.fields(), []byte(name))
		return err
	})
	return f, ok, err
}

// Expected returns what the indexes say of a name, in the order in which they
// were first learned; none if none names it.
func (x *Index) Expected(ctx context.Context, name string) ([]Expected, error) {
	var all []Expected
	err := x.read(ctx, "look up what is expected", func(r *reader) error {
		all = nil
		return r.rows(selectExpected, func(scan scanner) error {
			var e Expected
			err := scan(append(e.Claim.fields(), into(&e.Via, &e.Source)...)...)
			all = append(all, e)
			return err
		}, []byte(name))
	})
	return all, err
}

// SlotsHeld returns the slots that the index via claims for files of ours that
// are recorded: those of which a next version is of interest.
func (x *Index) SlotsHeld(ctx context.Context, via string) (map[string]bool, error) {
	var slots map[string]bool
	err := x.read(ctx, "list slots", func(r *reader) error {
		slots = make(map[string]bool)
		return r.rows(selectSlotsHeld, func(scan scanner) error {
			var slot string
			err := scan(column{&slot})
			slots[slot] = true
			return err
		}, []byte(via))
	})
	return slots, err
}

// Learn records what an index claims, in place of all that was known by way of
// f.Name before: all of it or nothing. Files of ours that the index claimed
// before, and that nothing claims any more, are dropped since f.Learned, unless
// they were before. What is claimed is no longer dropped.
//
// Where a name is claimed more than once, the claim with the preferred
// algorithm counts, and of those the first. The claims are only read, and must
// not change meanwhile.
//
// It compares before it takes the lock, and writes what has changed: of 60,000
// claims with 500 new ones the comparison takes 0.1 s and others wait for 0.01 s;
// with a first version they wait for 0.3 s.
func (x *Index) Learn(ctx context.Context, f IndexFile, claims []Claim) (Learned, error) {
	var (
		sorted = byName(claims)
		before learnedVersion
		diff   difference
	)
	err := x.read(ctx, "look up what an index said", func(r *reader) (err error) {
		before, diff, err = r.compare(f.Name, sorted)
		return err
	})
	if err != nil {
		return Learned{}, err
	}
	var dropped int
	err = x.write(ctx, "learn what an index says", true, func(t *transaction) error {
		now, err := t.version(f.Name)
		diff := diff
		if err == nil && now != before { // somebody else has learned meanwhile
			now, diff, err = t.compare(f.Name, sorted)
		}
		if err != nil {
			return err
		}
		dropped, err = t.learn(f, now.id, diff)
		return err
	})
	if err != nil {
		return Learned{}, err
	}
	return Learned{Claims: len(sorted), Dropped: dropped}, nil
}

// ForgetIndex forgets an index and what it claims. What is forgotten proves
// nothing, so no file is dropped for it. An index that is not recorded is no error.
func (x *Index) ForgetIndex(ctx context.Context, name string) error {
	return x.write(ctx, "forget an index", false, func(t *transaction) error {
		v, err := t.version(name)
		if err != nil || v.id == 0 {
			return err
		}
		if err := t.exec(`DELETE FROM expected WHERE via = ?`, v.id); err != nil {
			return err
		}
		return t.exec(`DELETE FROM indexes WHERE id = ?`, v.id)
	})
}

// Dropped yields the files that were dropped before a moment, in the manner of
// Files.
func (x *Index) Dropped(ctx context.Context, before time.Time) iter.Seq2[Dropped, error] {
	return pages(ctx, x, `SELECT `+droppedColumns+` FROM dropped WHERE since < ? AND name >= ? ORDER BY name`, "",
		(*Dropped).fields,
		func(d *Dropped) string { return d.Name },
		func(from []byte) []any { return []any{nanos(before), from} })
}

// MarkDropped records that via, an index or a directory, no longer names these
// files: all of them or none. One that is not ours, that an index claims, or that
// was dropped before is left as it is.
func (x *Index) MarkDropped(ctx context.Context, via string, since time.Time, names ...string) error {
	return x.write(ctx, "note that files are no longer named", false, func(t *transaction) error {
		for _, name := range names {
			if _, err := t.drop(name, since, via); err != nil {
				return err
			}
		}
		return nil
	})
}

// ClearDropped takes back that files were dropped. One that was not is no error.
func (x *Index) ClearDropped(ctx context.Context, names ...string) error {
	return x.write(ctx, "note that files are named again", false, func(t *transaction) error {
		for _, name := range names {
			if err := t.clearDropped(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// byName returns the claims in the order of their names, one each.
func byName(claims []Claim) []*Claim {
	sorted := make([]*Claim, len(claims))
	for i := range claims {
		sorted[i] = &claims[i]
	}
	slices.SortStableFunc(sorted, func(a, b *Claim) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Algorithm, a.Algorithm))
	})
	return slices.CompactFunc(sorted, func(a, b *Claim) bool { return a.Name == b.Name })
}

// A learnedVersion tells what is recorded of an index from what will be after the
// next Learn. Zero: nothing is recorded.
type learnedVersion struct {
	id      int64
	digest  string
	learned time.Time
}

// version returns which version of an index is recorded.
func (s *statements) version(name string) (v learnedVersion, err error) {
	_, err = s.row(`SELECT id, digest, learned FROM indexes WHERE name = ?`,
		into(&v.id, &v.digest, &v.learned), []byte(name))
	return v, err
}

// A difference leads from the claims on record to others.
type difference struct {
	put  []*Claim // new ones, and those that say something else
	gone []string // names that are no longer claimed
}

// compare walks through the claims on record and the new ones, both in the
// order of their names.
func (s *statements) compare(name string, claims []*Claim) (v learnedVersion, d difference, err error) {
	if v, err = s.version(name); err != nil {
		return v, d, err
	}
	put := func() {
		d.put = append(d.put, claims[0])
		claims = claims[1:]
	}
	var old Claim
	fields := old.fields() // once for all rows: none of them is ever NULL
	err = s.rows(`SELECT `+claimColumns+` FROM expected WHERE via = ? ORDER BY name`, func(scan scanner) error {
		if err := scan(fields...); err != nil {
			return err
		}
		for len(claims) > 0 && claims[0].Name < old.Name {
			put()
		}
		switch {
		case len(claims) == 0 || claims[0].Name != old.Name:
			d.gone = append(d.gone, old.Name)
		case *claims[0] != old:
			put()
		default:
			claims = claims[1:]
		}
		return nil
	}, v.id)
	for len(claims) > 0 {
		put()
	}
	return v, d, err
}

// learn writes what is new of an index, whose id is 0 if nothing is recorded of
// it, and returns how many files were dropped.
func (t *transaction) learn(f IndexFile, id int64, d difference) (dropped int, err error) {
	if id == 0 {
		result, err := t.result(`INSERT INTO indexes (`+indexColumns+`) VALUES (?, ?, ?, ?, ?, ?)`, f.values()...)
		if err != nil {
			return 0, err
		}
		if id, err = result.LastInsertId(); err != nil {
			return 0, err
		}
	} else if err := t.exec(`UPDATE indexes SET (`+indexColumns+`) = (?, ?, ?, ?, ?, ?) WHERE id = ?`,
		append(f.values(), id)...); err != nil {
		return 0, err
	}
	for _, c := range d.put {
		if err := t.exec(`INSERT INTO expected (`+claimColumns+`, via) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET size = excluded.size, algorithm = excluded.algorithm,
			digest = excluded.digest, slot = excluded.slot, package = excluded.package, known_as = excluded.known_as`,
			append(c.values(), id)...); err != nil {
			return 0, err
		}
	}
	for _, name := range d.gone {
		if err := t.exec(`DELETE FROM expected WHERE via = ? AND name = ?`, id, []byte(name)); err != nil {
			return 0, err
		}
		n, err := t.drop(name, f.Learned, f.Name)
		if err != nil {
			return 0, err
		}
		dropped += n
	}
	return dropped, t.exec(`DELETE FROM dropped WHERE EXISTS
		(SELECT 1 FROM expected WHERE via = ? AND expected.name = dropped.name)`, id)
}

// drop marks a file of ours that nothing claims, and returns how many that were.
func (t *transaction) drop(name string, since time.Time, via string) (int, error) {
	result, err := t.result(`INSERT INTO dropped (`+droppedColumns+`) SELECT ?1, ?2, ?3
		WHERE EXISTS (SELECT 1 FROM files WHERE name = ?1 AND ours)
		AND NOT EXISTS (SELECT 1 FROM expected WHERE name = ?1)
		ON CONFLICT DO NOTHING`, []byte(name), nanos(since), []byte(via))
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

func (t *transaction) clearDropped(name string) error {
	return t.exec(`DELETE FROM dropped WHERE name = ?`, []byte(name))
}

// A Hint says which tables have anything about a name.
type Hint struct {
	Failed   bool // failures has
	Expected bool // expected has
}

// Hint says whether Failure and Expected have anything to tell of a name, in one
// look for both: of most names neither has.
func (x *Index) Hint(ctx context.Context, name string) (h Hint, err error) {
	err = x.read(ctx, "look whether anything is known", func(r *reader) error {
		var what int64
		_, err := r.row(selectHint, into(&what), []byte(name))
		h = Hint{Failed: what&1 != 0, Expected: what&2 != 0}
		return err
	})
	return h, err
}
