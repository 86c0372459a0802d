package index

import (
	"fmt"
	"math"
	"time"
)

// fields returns where each of fileColumns goes.
func (r *Record) fields() []any {
	return into(&r.Name, &r.Upstream, &r.Size, &r.ModTime, &r.Inode,
		&r.ETag, &r.LastModified, &r.ContentType, &r.Digest, &r.Fetched, &r.Checked, &r.Ours, &r.Target, &r.Fresh)
}

// values returns what is stored in fileColumns.
func (r *Record) values() []any {
	return []any{[]byte(r.Name), r.Upstream, r.Size, nanos(r.ModTime), int64(r.Inode),
		r.ETag, r.LastModified, r.ContentType, r.Digest, nanos(r.Fetched), nanos(r.Checked), r.Ours, r.Target, int64(r.Fresh)}
}

// fields returns where each of partialColumns goes.
func (p *Partial) fields() []any {
	return into(&p.Name, &p.Upstream, &p.Inode, &p.Total, &p.ModTime,
		&p.ETag, &p.LastModified, &p.ContentType, &p.Boot, &p.Synced, &p.Publishing, &p.Digest, &p.Started, &p.Fresh)
}

// values returns what is stored in partialColumns.
func (p *Partial) values() []any {
	return []any{[]byte(p.Name), p.Upstream, int64(p.Inode), p.Total, nanos(p.ModTime),
		p.ETag, p.LastModified, p.ContentType, p.Boot, p.Synced, p.Publishing, p.Digest, nanos(p.Started), int64(p.Fresh)}
}

// fields returns where each of failureColumns goes.
func (f *Failure) fields() []any {
	return into(&f.Name, &f.Kind, &f.Cause, &f.Upstream, &f.At, &f.Until, &f.Since)
}

// values returns what is stored in failureColumns.
func (f *Failure) values() []any {
	return []any{[]byte(f.Name), f.Kind, f.Cause, f.Upstream, nanos(f.At), nanos(f.Until), nanos(f.Since)}
}

// fields returns where each of changeColumns goes.
func (c *Change) fields() []any {
	return into(&c.Seq, &c.Name, &c.Op, &c.Size, &c.ModTime, &c.At)
}

// values returns what is stored in newChangeColumns.
func (c *Change) values() []any {
	return []any{[]byte(c.Name), c.Op, c.Size, nanos(c.ModTime), nanos(c.At)}
}

// fields returns where each of listingColumns goes.
func (l *Listing) fields() []any {
	return into(&l.Name, &l.Upstream, &l.Format, &l.ModTime, &l.ETag, &l.LastModified,
		&l.Checked, &l.Ended, &l.Unread, &l.Entries)
}

// values returns what is stored in listingColumns.
func (l *Listing) values() []any {
	return []any{[]byte(l.Name), l.Upstream, l.Format, nanos(l.ModTime), l.ETag, l.LastModified,
		nanos(l.Checked), l.Ended, l.Unread, l.Entries}
}

// fields returns where each of indexColumns goes.
func (f *IndexFile) fields() []any {
	return into(&f.Name, &f.Source, &f.Digest, &f.Made, &f.Expires, &f.Learned)
}

// values returns what is stored in indexColumns.
func (f *IndexFile) values() []any {
	return []any{[]byte(f.Name), []byte(f.Source), append([]byte{}, f.Digest...),
		nanos(f.Made), nanos(f.Expires), nanos(f.Learned)}
}

// fields returns where each of claimColumns goes.
func (c *Claim) fields() []any {
	return into(&c.Name, &c.Size, &c.Algorithm, &c.Digest, &c.Slot, &c.Package, &c.As)
}

// values returns what is stored in claimColumns.
func (c *Claim) values() []any {
	return []any{[]byte(c.Name), c.Size, int64(c.Algorithm), []byte(c.Digest), []byte(c.Slot), c.Package, []byte(c.As)}
}

// fields returns where each of droppedColumns goes.
func (d *Dropped) fields() []any {
	return into(&d.Name, &d.Since, &d.Via)
}

// nanos encodes a time: nil, which is NULL, for the zero time.
func nanos(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case t.Before(time.Unix(0, math.MinInt64)):
		return int64(math.MinInt64)
	case t.After(time.Unix(0, math.MaxInt64)):
		return int64(math.MaxInt64)
	}
	return t.UnixNano()
}

// into wraps pointers to fields as destinations of Scan.
func into(fields ...any) []any {
	for i, f := range fields {
		fields[i] = column{f}
	}
	return fields
}

// A column is a sql.Scanner that stores one value of the database into a field
// and undoes the encodings which the schema explains. NULL leaves the field as
// it is, that is zero: it stands for an unknown time or digest, and fills the
// columns of a row that an outer join did not find.
type column struct{ field any }

func (c column) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		return nil
	case int64:
		switch f := c.field.(type) {
		case *int64:
			*f = v
			return nil
		case *uint64:
			*f = uint64(v)
			return nil
		case *uint8:
			*f = uint8(v)
			return nil
		case *bool:
			*f = v != 0
			return nil
		case *time.Duration:
			*f = time.Duration(v)
			return nil
		case *time.Time:
			*f = time.Unix(0, v).UTC()
			return nil
		}
	case []byte:
		switch f := c.field.(type) {
		case *string:
			*f = string(v)
			return nil
		case *[]byte:
			*f = append([]byte(nil), v...)
			return nil
		}
	case string:
		if f, ok := c.field.(*string); ok {
			*f = v
			return nil
		}
	}
	return fmt.Errorf("the index holds a %T where a %T belongs", value, c.field)
}
