package index

import (
	"context"
	"time"
)

const selectListing = `SELECT ` + listingColumns + ` FROM listings WHERE name = ?`

// Listing returns what is recorded of a directory, and whether anything is.
func (x *Index) Listing(ctx context.Context, name string) (l Listing, ok bool, err error) {
	err = x.read(ctx, "look up a listing", func(r *reader) (err error) {
		ok, err = r.row(selectListing, l.fields(), []byte(name))
		return err
	})
	return l, ok, err
}

// PutListings records directories, in place of what was recorded before: all of
// them or none.
func (x *Index) PutListings(ctx context.Context, listings ...Listing) error {
	return x.write(ctx, "record a listing", false, func(t *transaction) error {
		for i := range listings {
			if err := t.exec(`REPLACE INTO listings (`+listingColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				listings[i].values()...); err != nil {
				return err
			}
		}
		return nil
	})
}

// TouchListing notes that the upstream, at checked, called the listing current.
// A name without one is no error.
func (x *Index) TouchListing(ctx context.Context, name string, checked time.Time) error {
	return x.write(ctx, "note a check", false, func(t *transaction) error {
		return t.exec(`UPDATE listings SET checked = ? WHERE name = ?`, nanos(checked), []byte(name))
	})
}

// DeleteListing forgets a directory. One that is not recorded is no error.
func (x *Index) DeleteListing(ctx context.Context, name string) error {
	return x.write(ctx, "forget a listing", false, func(t *transaction) error {
		return t.exec(`DELETE FROM listings WHERE name = ?`, []byte(name))
	})
}

// DropListings forgets the listings of a format whose names begin with prefix,
// but for those of the version etag.
func (x *Index) DropListings(ctx context.Context, prefix, format, etag string) error {
	return x.write(ctx, "forget listings", false, func(t *transaction) error {
		if end := after(prefix); end != nil {
			return t.exec(`DELETE FROM listings WHERE format = ? AND etag <> ? AND name >= ? AND name < ?`, format, etag, []byte(prefix), end)
		}
		return t.exec(`DELETE FROM listings WHERE format = ? AND etag <> ? AND name >= ?`, format, etag, []byte(prefix))
	})
}
