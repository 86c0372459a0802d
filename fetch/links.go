package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"mirror"
	"mirror/config"
	"mirror/internal/keylock"
	"mirror/listing"
	"mirror/store"
	"mirror/store/index"
)

// Link is a name that is to lead to another: a symbolic link to Target, or, where
// that is "", a hard link of the published file Of.
type Link struct {
	Name     mirror.Name
	Target   string
	Of       mirror.Name
	Upstream string    // the URL of Name
	ModTime  time.Time // of a symbolic link; zero: now
}

// LinkOf is the symbolic link that an entry of a listing is, at its place below m.
func (e *Engine) LinkOf(m *config.Mirror, name mirror.Name, entry *listing.Entry) Link {
	l := Link{Name: name, Target: entry.Target, Upstream: e.sources[m][0].URL(name[len(m.Prefix):])}
	if entry.MTime.Exact() {
		l.ModTime = time.Unix(entry.MTime.Lo, 0)
	}
	return l
}

// Inside says why a symbolic link at name, which belongs below prefix, is not to
// be made; nil: whatever its way leads through, it ends below prefix. So ".." may
// only come first: after a name, which may itself be a link, it leads anywhere.
func Inside(prefix string, name mirror.Name, target string) error {
	switch {
	case target == "":
		return errors.New("where it leads is not known")
	case strings.HasPrefix(target, "/"):
		return fmt.Errorf("it leads to %q, which is absolute", target)
	}
	dir, down := path.Dir(string(name)), false
	for segment := range strings.SplitSeq(target, "/") {
		switch {
		case segment == "" || segment == ".":
		case segment != ".." && !mirror.Askable(segment):
			return fmt.Errorf("it leads to %q, through a name that is not mirrored", target)
		case segment != "..":
			down = true
		case down:
			return fmt.Errorf("it leads to %q, which goes up after it went down", target)
		default:
			if dir+"/" == prefix || dir == "." {
				return fmt.Errorf("it leads to %q, which is outside of the mirror", target)
			}
			dir = path.Dir(dir)
		}
	}
	return nil
}

// MakeLinks puts links into the docroot, and calls done for each: made is false
// where it stands there already. One that stands there, or a file, gives way if it
// is ours; else the error is mirror.ErrForeign. The directories are there.
func (e *Engine) MakeLinks(ctx context.Context, links []Link, done func(l Link, made bool, err error)) error {
	for some := range slices.Chunk(links, filesAtOnce(maxBatch)) { // which share their syncs and transactions
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e.makeLinks(ctx, some, done)
	}
	return nil
}

// linking is a link on its way: see the steps of a fetch.
type linking struct {
	Link
	lock *keylock.Lock
	pub  store.Publication
	row  index.Partial // the intent
}

func (e *Engine) makeLinks(ctx context.Context, links []Link, done func(Link, bool, error)) {
	ctx = context.WithoutCancel(ctx) // what has begun is short
	var batch []*linking
	for _, l := range links {
		w := &linking{Link: l}
		if due, err := e.prepareLink(ctx, w); !due {
			w.end()
			done(l, false, err)
			continue
		}
		batch = append(batch, w)
	}
	rows := make([]index.Partial, len(batch))
	items := make([]*store.Publication, len(batch))
	for i, w := range batch {
		rows[i], items[i] = w.row, &w.pub
	}
	if err := e.index.Intend(ctx, rows); err != nil {
		e.log.Warn("links cannot be announced in the record", "links", len(rows), "err", err)
	}
	e.tree.Publish(items)
	var records []index.Record
	for _, w := range batch {
		if w.pub.Err == nil {
			records = append(records, w.record())
		}
	}
	if err := e.index.Publish(ctx, records); err != nil {
		e.log.Warn("links cannot be recorded", "links", len(records), "err", err)
	}
	for _, w := range batch {
		w.end()
		done(w.Link, w.pub.Err == nil, w.pub.Err)
	}
}

// prepareLink makes the link in the state directory. It reports false when there
// is nothing to be done, or an error.
func (e *Engine) prepareLink(ctx context.Context, w *linking) (due bool, err error) {
	if w.lock, err = e.lock(w.Name); err != nil {
		return false, err
	}
	fi, err := e.tree.Lstat(w.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, foreign(w.Name, err.Error())
	case e.Stands(w.Link):
		return false, nil
	default:
		if _, ours := e.claim(ctx, w.Name, fi); !ours {
			return false, fmt.Errorf("/%s: %w", w.Name, mirror.ErrForeign)
		}
		w.pub.Replace = true
	}
	w.row = index.Partial{Name: string(w.Name)}
	if w.Target != "" {
		w.pub.Part, err = e.tree.NewSymlink(w.Name, w.Target, w.ModTime)
	} else if w.row, err = e.recordOf(ctx, w.Of); err == nil {
		w.row.Name = string(w.Name)
		w.pub.Part, err = e.tree.NewHardLink(w.Name, w.Of)
	}
	if err != nil {
		return false, err
	}
	st, err := w.pub.Part.Stat()
	w.row.Inode, w.row.Total, w.row.ModTime = w.pub.Part.Inode, st.Size, st.ModTime
	w.row.Upstream, w.row.Started = w.Upstream, e.now()
	return err == nil, err
}

// Stands reports whether what is at the link's name is that link already.
func (e *Engine) Stands(l Link) bool {
	fi, err := e.tree.Lstat(l.Name)
	if err != nil {
		return false
	}
	if l.Target == "" {
		of, err := e.tree.Lstat(l.Of)
		return err == nil && store.Inode(of) == store.Inode(fi)
	}
	if fi.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	target, err := e.tree.Readlink(l.Name)
	return err == nil && target == l.Target && (l.ModTime.IsZero() || l.ModTime.Unix() == fi.ModTime().Unix())
}

// recordOf is what a further name of a file of ours is recorded by.
func (e *Engine) recordOf(ctx context.Context, name mirror.Name) (index.Partial, error) {
	rec, err := e.held(ctx, name)
	if err == nil && rec == nil {
		err = fmt.Errorf("/%s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return index.Partial{}, err
	}
	return index.Partial{
		ETag: rec.ETag, LastModified: rec.LastModified, ContentType: rec.ContentType, Digest: rec.Digest,
	}, nil
}

// record is that of the finished link. A symbolic one has neither size nor time.
func (w *linking) record() index.Record {
	rec := w.row.Record()
	if w.Target != "" {
		rec.Target, rec.Size, rec.ModTime = w.Target, 0, time.Time{}
	}
	return rec
}

// end releases what the link needed on its way. Renaming one hard link of a file
// to another leaves the first: it goes here.
func (w *linking) end() {
	if w.pub.Part != nil {
		w.pub.Part.Remove()
		w.pub.Part.Close()
	}
	if w.lock != nil {
		w.lock.Unlock()
	}
}

// claimLink is claim for a symbolic link: it is ours while it leads where the
// record says.
func (e *Engine) claimLink(ctx context.Context, name mirror.Name, fi fs.FileInfo) (index.Record, bool) {
	rec, part, _, err := e.index.Lookup(ctx, string(name))
	target, err2 := e.tree.Readlink(name)
	switch {
	case err != nil || err2 != nil:
		return index.Record{}, false
	case rec != nil && rec.Ours && rec.Target == target:
		return *rec, true
	case part == nil || !part.Became(store.Inode(fi), fi.Size(), fi.ModTime()):
		return index.Record{}, false
	}
	w := linking{Link: Link{Target: target}, row: *part}
	done := w.record()
	if isObserver(ctx) {
		return done, true
	}
	if err := e.index.Publish(ctx, []index.Record{done}); err != nil {
		e.log.Warn("an interrupted publication cannot be recorded", "path", "/"+string(name), "err", err)
	}
	return done, true
}
