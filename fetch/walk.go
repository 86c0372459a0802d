package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mirror"
	"mirror/config"
	"mirror/listing"
	"mirror/source"
	"mirror/store/index"
)

// Walked is a directory of a walk.
type Walked struct {
	*Directory
	// Tree: the hard links of its entries are those of the whole tree. Else
	// they are told for each directory by itself.
	Tree bool
	// Links: its listing tells symbolic links. Else they are shown as what they
	// lead to.
	Links bool
	// AsOf is a moment that its listing is not older than: what came into the
	// docroot later may be upstream, and not in the listing.
	AsOf time.Time
	// Doubt says why what the listing lacks may be upstream all the same; nil:
	// only Ended and Unread tell.
	Doubt error
	// Err says why there is no Directory but for its Name.
	Err error
}

// Walk asks the upstreams what is in a directory and everything below it, and
// calls visit with each directory, one at a time, a directory before those in it.
// One that into refuses, after the one that has it was visited, or that is another
// mirror's, is not gone into; symbolic links never are. The error is that of the
// directory itself, or says that there is no end to what is below it. What was
// read is recorded, as List does.
func (e *Engine) Walk(ctx context.Context, name mirror.Name, into func(mirror.Name) bool, visit func(Walked)) error {
	p := e.placeOfDir(name)
	if p.m == nil {
		return e.outside(name)
	}
	m := p.m
	w := &walk{e: e, m: m, ctx: ctx, visit: visit, begun: e.now(), found: extent{top: name, left: mostExtent}}
	inside := func(dir mirror.Name) bool {
		return e.placeOfDir(dir).m == m && into(dir)
	}
	if src := e.listers[m][0]; isWalker(src) {
		err := e.walkTree(ctx, src, p, inside, visit)
		if err == nil || errors.Is(err, mirror.ErrNotFound) || errors.Is(err, errEndless) || ctx.Err() != nil {
			return err
		}
		e.log.Warn("a whole tree cannot be listed: its directories are asked for one by one", "path", "/"+string(name), "err", err)
	}
	if m.Index != "" {
		var err error
		if w.catalog, err = e.renewCatalog(ctx, m); err != nil {
			return err
		}
	}
	w.into = inside
	w.more.L = &w.mu
	return w.run(name)
}

func isWalker(src upstream) bool {
	_, ok := src.Source.(source.Walker)
	return ok
}

// walkTree has a Walker tell everything at once.
func (e *Engine) walkTree(ctx context.Context, src upstream, p place, into func(mirror.Name) bool, visit func(Walked)) error {
	slot, err := e.upstreamSlot(ctx, src)
	if err != nil {
		return err
	}
	defer slot.Unlock()
	begun, found := e.now(), extent{top: p.name, left: mostExtent}
	dirs := map[mirror.Name]*Directory{p.name: {Name: p.name, Upstream: src.URL(p.rest)}}
	order := []*Directory{dirs[p.name]}
	ended, unread, err := src.Source.(source.Walker).Walk(ctx, p.rest, func(parent string, entry listing.Entry) error {
		at := p.name
		if parent != "" {
			at = p.name.Join(parent)
		}
		d := dirs[at]
		if d == nil {
			return nil // it was not gone into
		}
		d.Entries = append(d.Entries, entry)
		withFileTimes(d.Entries[len(d.Entries)-1:])
		if below := at.Join(entry.Name); entry.Type == listing.Dir && into(below) {
			if err := found.add(below); err != nil {
				return err
			}
			dirs[below] = &Directory{Name: below, Upstream: src.URL(e.placeOfDir(below).rest)}
			if entry.MTime.Exact() {
				dirs[below].ModTime = mirror.FileTime(time.Unix(entry.MTime.Lo, 0))
			}
			order = append(order, dirs[below])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if l, err := src.Source.(source.Lister).List(ctx, p.rest, nil); err == nil {
		dirs[p.name].ModTime = mirror.FileTime(l.Meta.ModTime) // which the tree below it does not tell
	}
	now := e.now()
	for _, d := range order {
		d.Ended, d.Unread, d.Checked = ended, int64(unread), now
		if d.Name != p.name && (dirs[d.Name.Parent()] == nil || !into(d.Name)) {
			delete(dirs, d.Name) // what was visited before has closed it
			continue
		}
		visit(Walked{Directory: d, Tree: true, Links: true, AsOf: begun})
	}
	e.recordWalked(order)
	return nil
}

// recordWalked records what a Walker told.
func (e *Engine) recordWalked(dirs []*Directory) {
	for some := range slices.Chunk(dirs, maxRows) {
		rows := make([]index.Listing, len(some))
		for i, d := range some {
			rows[i] = index.Listing{
				Name: string(d.Name), Upstream: d.Upstream, Format: "rsync", ModTime: d.ModTime, Checked: d.Checked,
				Ended: d.Ended, Unread: d.Unread, Entries: listing.Encode(nil, d.Entries),
			}
		}
		if err := e.index.PutListings(context.WithoutCancel(e.ctx), rows...); err != nil {
			e.log.Warn("listings cannot be recorded", "directories", len(rows), "err", err)
		}
	}
}

// walk lists directories one by one, several at a time.
type walk struct {
	e     *Engine
	m     *config.Mirror
	ctx   context.Context
	into  func(mirror.Name) bool
	visit func(Walked)
	begun time.Time

	catalog catalogWord

	mu      sync.Mutex // held while visit runs
	more    sync.Cond  // of mu: pending has grown, or nobody works
	pending []*branch  // guarded by mu; the last is the next
	working int        // guarded by mu
	found   extent     // guarded by mu
	err     error      // guarded by mu: what ended it
}

// maxDeep is how many directories a walk goes down: trees that are mirrored are
// some ten deep.
const maxDeep = 100

// extent is how much a walk has found. What is below a directory has an end,
// unless a program makes it up; and who syncs it keeps all names in memory.
type extent struct {
	top  mirror.Name
	dirs int
	left int64 // bytes
}

// mostExtent is enough for over a million directories with names of 100 bytes, and
// directoryExtent is what each takes beside its name.
const (
	mostExtent      = 256 << 20
	directoryExtent = 100
)

// errEndless: the tree does not seem to end.
var errEndless = errors.New("it does not seem to end")

// add counts a directory; the error is errEndless.
func (x *extent) add(name mirror.Name) error {
	if x.left -= int64(len(name)) + directoryExtent; x.left < 0 {
		return fmt.Errorf("/%s has more than %d directories below it: %w", x.top, x.dirs, errEndless)
	}
	x.dirs++
	return nil
}

// branch is a directory and the way that led to it.
type branch struct {
	name  mirror.Name
	above *branch
	depth int
	shown []byte // its entries, encoded; nil where they tell nothing apart
}

func (w *walk) run(name mirror.Name) error {
	root, err := w.ask(name)
	if err != nil {
		return err
	}
	w.add(&branch{name: name}, root)
	var wg sync.WaitGroup
	for range min(fewJobs, w.e.conf.Limits.PerUpstream) {
		wg.Go(w.work)
	}
	wg.Wait()
	if w.err != nil {
		return w.err
	}
	return w.ctx.Err()
}

func (w *walk) work() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.pending) == 0 && w.working > 0 {
			w.more.Wait()
		}
		if len(w.pending) == 0 || w.err != nil || w.ctx.Err() != nil {
			w.more.Broadcast()
			return
		}
		b := w.pending[len(w.pending)-1]
		w.pending = w.pending[:len(w.pending)-1]
		w.working++
		w.mu.Unlock()
		d, err := w.ask(b.name)
		w.mu.Lock()
		w.working--
		if err != nil {
			w.visit(Walked{Directory: &Directory{Name: b.name}, Err: err})
		} else {
			w.add(b, d)
		}
		w.more.Broadcast()
	}
}

// ask lists a directory, with patience.
func (w *walk) ask(name mirror.Name) (d *Directory, err error) {
	for range maxTries {
		if d, err = w.e.listNow(w.ctx, name); !w.e.pause(w.ctx, err) {
			break
		}
	}
	return d, err
}

// add visits a directory, and has those in it listed. The caller holds mu, or
// is alone.
func (w *walk) add(b *branch, d *Directory) {
	if len(d.Entries) > 1 {
		b.shown = listing.Encode(nil, d.Entries)
		for above := b.above; above != nil; above = above.above {
			if string(above.shown) == string(b.shown) {
				w.visit(Walked{Directory: &Directory{Name: b.name}, Err: fmt.Errorf("it %w: it shows the same as /%s above it, as a link does that leads back", ErrLoop, above.name)})
				return
			}
		}
	}
	v := Walked{Directory: d, Links: w.tellsLinks(d), AsOf: w.begun}
	if w.isOfCatalog(d) {
		v.AsOf, v.Doubt = w.catalog.asOf, w.catalog.doubt
	}
	w.visit(v)
	deep := false
	for i := range d.Entries {
		below := b.name.Join(d.Entries[i].Name)
		if d.Entries[i].Type != listing.Dir {
			continue
		}
		if w.err = w.found.add(below); w.err != nil {
			return
		}
		if !w.into(below) {
			continue
		}
		if deep = b.depth == maxDeep; !deep {
			w.pending = append(w.pending, &branch{name: below, above: b, depth: b.depth + 1})
		}
	}
	if deep {
		w.visit(Walked{Directory: &Directory{Name: b.name}, Err: fmt.Errorf("%d directories lead here, and on: what is below %w", maxDeep, ErrLoop)})
	}
}

// isOfCatalog reports whether d came from the mirror's catalog.
func (w *walk) isOfCatalog(d *Directory) bool {
	return w.m.Index != "" && d.Upstream == w.catalog.url
}

// tellsLinks reports whether d came from who tells symbolic links: the mirror's
// catalog, or an upstream whose protocol does.
func (w *walk) tellsLinks(d *Directory) bool {
	if w.isOfCatalog(d) {
		return true
	}
	rest := w.e.placeOfDir(d.Name).rest
	return slices.ContainsFunc(w.e.listers[w.m], func(src upstream) bool {
		return src.linked && d.Upstream == src.URL(rest)
	})
}

// ErrLoop: a directory contains itself, as over HTTP one does in which a symbolic
// link leads back.
var ErrLoop = errors.New("is not gone into")

// listNow lists a directory as the upstream has it now, however fresh the record is.
func (e *Engine) listNow(ctx context.Context, name mirror.Name) (*Directory, error) {
	p := e.placeOfDir(name)
	if p.m.Index != "" {
		d, err := e.fromCatalog(ctx, p)
		if !errors.Is(err, errNoCatalog) {
			return d, err
		}
	}
	held, err := e.recorded(ctx, name)
	if err != nil {
		return nil, err
	}
	call, _, err := e.beginCall(name, func() (*Directory, error) { return e.askList(p, held) })
	if err != nil {
		return nil, err
	}
	if err := call.wait(ctx); err != nil {
		return nil, err
	}
	return call.dir, call.err
}
