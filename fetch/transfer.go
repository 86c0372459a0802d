package fetch

import (
	"context"
	"errors"
	"time"

	"mirror"
	"mirror/internal/keylock"
	"mirror/repo"
	"mirror/source"
	"mirror/store"
	"mirror/store/index"
)

// transfer is one file being fetched by this process, which holds its lock.
// The fields that are not of the board, or guarded by its mutex, belong to the goroutine
// of run.
type transfer struct {
	board
	clients int  // that follow; guarded by board.mu
	left    bool // the last of them has taken the transfer along, and nobody else may come; likewise

	e *Engine
	place
	lock    *keylock.Lock
	refresh bool          // it began with a published file
	held    *index.Record // that file, as of the last look; nil: none
	nature  repo.Nature
	as      mirror.Name // below the prefix: what tells its content, where rest is only its digest
	order

	ctx    context.Context
	cancel context.CancelCauseFunc

	part      *store.Part
	body      []byte        // of a small file, until the part has it: see take
	row       index.Partial // what the record says, or will say, of part
	rowDue    bool          // row is to be written with the first bytes
	rowReady  chan struct{} // closed when row was written; nil: it is not being written
	upstream  string        // of the last attempt
	digester  *digester     // of the part, once one is needed
	digest    []byte        // SHA-256 of the part, once it is known
	reading   *reading      // of the part, where it was read as an index
	line      *source.Line  // what the first upstream is asked over; nil: as it likes
	begun     time.Time
	inBacklog bool
	confirmed bool // upstream has what is published
	steps     steps
	cleared   bool // a file of ours has made room for a directory
}

// The notes beside the lock of a name. Like its byte, they mean the same in the next version.
const (
	// live says that the lock's holder has heard from an upstream that the part on disk
	// is, so far, the file. Before that it may be anything that an earlier fetch left,
	// and nobody in another process reads it.
	live keylock.Note = 1

	// waiting says that the holder waits for another fetch: whoever needs the name does
	// not wait for it then, or both would.
	waiting keylock.Note = 2
)

// confirm tells the other processes that the part may be read. Of a group's small
// files there are hundreds at a time, each published at once with the others: a
// lock more for each would cost more than the wait of who asks for one just now.
func (t *transfer) confirm() {
	if s := t.now(); t.group != nil && s.meta.IsSmall() {
		return
	}
	if err := t.lock.Note(string(t.name), live); err != nil {
		t.e.log.Warn("other processes cannot be told of a fetch: they wait for its end", "path", "/"+string(t.name), "err", err)
	}
}

// errLeft ends a fetch that nobody wants any more (keep_going = false).
var errLeft = errors.New("the last client left")

func newTransfer(e *Engine, p place, lock *keylock.Lock, held *index.Record) *transfer {
	now := e.now()
	t := &transfer{e: e, place: p, lock: lock, held: held, refresh: held != nil, begun: now, steps: steps{at: now, now: e.now}}
	t.nature, t.as = e.nature(p.m, p.rest), p.rest
	t.ctx, t.cancel = context.WithCancelCause(e.ctx)
	return t
}

// run takes the transfer from the lock to its end, or to the publisher, which
// ends it: nothing waits for the disk here.
func (t *transfer) run() {
	here, err := t.fetch()
	if err == nil && t.now().checked && !here && !t.now().unframed {
		if err = t.prepare(); err == nil {
			t.publish()
			return
		}
	}
	if err == nil && here && t.generation == nil {
		t.renewGeneration()
	}
	t.end(here, err)
}

// publish gives the checked part its name, at once or together with others.
func (t *transfer) publish() {
	switch {
	case t.generation != nil:
		t.update(func(s *state) { s.staged = true }) // the generation ends it
	case t.nature.Index != "" || len(t.nature.Set) > 0:
		t.publishGeneration()
	default:
		if err := t.outdated(); err != nil {
			t.end(false, err)
			return
		}
		t.e.publish.add(t)
	}
}

// named is called by the publisher: the part has its name, or an error.
func (t *transfer) named(err error) {
	if err == nil {
		t.steps.done("publish")
		t.steps.outcome = "published"
		t.end(true, nil)
		return
	}
	t.e.runners.run(func() { t.unnamed(err) }) // others wait for the publisher
}

func (t *transfer) unnamed(err error) {
	if errors.Is(err, mirror.ErrForeign) {
		if !t.cleared && t.e.clearWay(t.ctx, t.name) {
			t.cleared = true
			t.e.publish.add(t)
			return
		}
		t.discard()
	}
	t.end(false, err)
}

// end tells of the transfer's end. published: the file is in the docroot.
func (t *transfer) end(published bool, err error) {
	defer t.cancel(nil)
	t.line.Close()
	if t.digester != nil {
		t.digester.end()
	}
	if err != nil {
		t.failed(err)
	}
	t.tell(err)
	t.steps.log(t, err)
	if err != nil && t.part != nil {
		t.part.Yield()
	}
	// Unlocked before it is told: who hears of the end and looks again finds
	// either the file or a free lock.
	t.e.ended(t)
	t.e.backlog.leave(t)
	var alone bool
	t.update(func(s *state) {
		s.done, s.published, s.err = true, published, err
		alone = t.clients == 0
	})
	if alone {
		t.release()
	}
}

// release drops the transfer's own reference to the part, once it has ended and all who
// followed have opened what they were waiting for.
func (t *transfer) release() {
	if s := t.now(); s.part != nil {
		s.part.Close()
	}
}

// fetch is the steps from the second look to the check. It reports whether the
// file is in the docroot as it should be; else the part has it, if it is checked.
func (t *transfer) fetch() (here bool, err error) {
	left, err := t.completeGeneration()
	if err != nil {
		return false, err
	}
	switch here, err := t.lookAgain(); {
	case err != nil:
		return false, err
	case here:
		t.steps.outcome = "here already"
		return true, nil
	}
	t.steps.done("look")
	if err := t.e.backlog.enter(t); err != nil {
		return false, err
	}
	if t.brief {
		if err := t.fetchBriefly(left); t.brief { // else there was no worker
			return false, err
		}
	}
	if t.group == nil && t.generation == nil && t.e.limited { // these have slots as they ask
		if err := t.takeSlot(poolAll, t.e.conf.Limits.Fetches); err != nil {
			return false, err
		}
	}
	t.accompany()
	if err := t.expect(); err != nil {
		return false, err
	}
	if left {
		t.resume()
	}
	if t.now().checked { // a crash came between the check and the rename
		t.confirm()
		return false, nil
	}
	res, err := t.askAll()
	if err != nil {
		return false, err
	}
	t.steps.done("copy")
	if res == nil { // not modified
		t.confirmed = true
		t.forget() // what another upstream had begun; its row is waited for
		t.steps.outcome = "not modified"
		return true, nil
	}
	if err := t.check(res); err != nil {
		return false, err
	}
	if res.Unframed {
		// The part stays for those who follow from other processes, until the
		// next fetch of the name unlinks it: its row has no length, so nobody
		// takes it for whole.
		t.steps.outcome = "delivered, not kept: its end cannot be told from a broken connection"
	}
	return false, nil
}

// lookAgain looks at the docroot under the lock: another process may have
// fetched or refreshed the file since it was looked at without.
func (t *transfer) lookAgain() (here bool, err error) {
	f, err := t.e.openPublished(t.name)
	if errors.Is(err, errMissing) {
		t.held = nil
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if t.held == nil {
		return true, nil
	}
	rec, ours := t.e.claim(t.ctx, t.name, f.info)
	t.held = &rec
	switch {
	case !ours:
		return true, nil
	case t.group != nil || t.generation != nil:
		return false, nil
	case !t.since.IsZero():
		return t.e.confirmedSince(&rec, t.since), nil
	}
	return t.e.isFresh(t.ctx, t.place, rec), nil
}

// check is reached with the whole file in the part: from here on its end may
// be read.
func (t *transfer) check(res *source.Result) error {
	if res.Unframed {
		t.putRow()
		t.waitRow() // before the mode shows: see Engine.follow
	}
	if t.body != nil {
		if err := t.writeBody(); err != nil {
			return err
		}
	}
	if err := t.part.Check(res.Meta.ModTime); err != nil {
		return err
	}
	t.confirm()
	t.update(func(s *state) {
		s.meta, s.have, s.checked, s.unframed = res.Meta, res.Meta.Size, true, res.Unframed
		s.sum = onlySHA256(t.expected, s.have)
		s.part, s.body = t.part, nil
	})
	t.steps.done("check")
	return nil
}

// prepare makes what the publisher needs of the checked part. The followers do
// not wait for it: they have all bytes.
func (t *transfer) prepare() error {
	t.lock.ReleaseSlot(poolAll) // what is left costs no upstream anything
	st, err := t.part.Stat()
	if err != nil {
		return err
	}
	if _, err := t.sha256(); err != nil {
		return err
	}
	t.steps.done("digest")
	t.inheritUse()
	t.waitRow()
	t.row.Publishing, t.row.Digest = true, t.digest
	t.row.Total, t.row.ModTime = st.Size, st.ModTime // the record says what the file says
	return nil
}

// inheritUse notes in the part when the file was last used, if it is one that is
// refreshed as long as it is.
func (t *transfer) inheritUse() {
	if !t.m.IsMutable(string(t.rest)) {
		return
	}
	used := t.e.now()
	if t.held != nil {
		if fi, err := t.e.tree.Lstat(t.name); err == nil {
			used = store.Used(fi)
		}
	}
	if err := t.part.SetUsed(used); err != nil {
		t.e.log.Warn("when a file was last used cannot be noted", "path", "/"+string(t.name), "err", err)
	}
}

// failed leaves behind what the next attempt, or the next reader of the log,
// needs.
func (t *transfer) failed(err error) {
	t.waitRow()
	if errors.Is(err, errHandedOver) || errors.Is(err, errAside) && !errors.Is(err, mirror.ErrNoSpace) {
		return // the part waits for the worker, or for the next try
	}
	switch {
	case t.part == nil, errors.Is(err, errCutOff):
	case errors.Is(err, mirror.ErrNoSpace), errors.Is(err, mirror.ErrTooLarge), !t.resumable():
		t.discard()
	default:
		t.keep()
	}
	if t.ctx.Err() != nil || errors.Is(err, mirror.ErrIsDirectory) {
		return // no failure of the upstream's: whoever follows may ask again
	}
	t.e.remember(context.WithoutCancel(t.ctx), t.name, t.m, t.upstream, err)
}
