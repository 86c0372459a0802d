package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"mirror"
	"mirror/config"
	"mirror/store/index"
)

// maxTogether bounds the transfers of a group at one time: enough that while
// some are asked for, others are synced and published together.
const maxTogether = 2 * maxAsked

// fewJobs is how many files are asked for at a time where nobody says.
const fewJobs = 4

// Wanted is a file that is to be brought.
type Wanted struct {
	Name mirror.Name
	Size int64 // as far as it is known; 0: not at all
	New  bool  // there was nothing at the name a moment ago, which spares a look
}

// Brought is how a file came to be in the docroot.
type Brought uint8

// The ways in which FetchMany ends well.
const (
	Fetched   Brought = iota // it was missing
	Replaced                 // there was another version
	Confirmed                // the upstream has what is there
)

// Many is how FetchMany goes about it.
type Many struct {
	// Jobs is how many are asked for at a time, at most limits.per_upstream; 0:
	// a few, so that clients find slots. An upstream that sends many files in
	// one session has one.
	Jobs int
	// Anew: what is here is not believed. The upstream is asked for the whole file,
	// whatever it says of versions.
	Anew bool
	// Wrote, unless nil, is called with the bytes of any file as they arrive, from
	// several goroutines.
	Wrote func(n int)
	// Done is called with what became of each file, one at a time.
	Done func(w Wanted, how Brought, size int64, err error)
}

// group is the transfers of one FetchMany.
type group struct {
	anew  bool        // no held file is believed
	wrote func(n int) // nil: nobody asks
	gate  gate        // what is asked for one by one waits here in line
	batch *batch      // nil: the first upstream is no Batcher
	sizes map[mirror.Name]int64
	begun time.Time
}

// FetchMany brings files of one mirror into the docroot: each as a request would,
// with its lock, its check and its record, but a file of ours is refreshed
// whatever its age. What stands there and is not ours is mirror.ErrForeign. It
// returns when all are done, or with ctx's error: then transfers that have begun are
// broken off.
func (e *Engine) FetchMany(ctx context.Context, m *config.Mirror, files []Wanted, o Many) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(e.ctx, func() { stop(context.Cause(e.ctx)) })()
	most := o.Jobs
	if most <= 0 {
		most = fewJobs
	}
	most = min(most, e.conf.Limits.PerUpstream)
	g := &group{begun: e.now(), anew: o.Anew, wrote: o.Wrote, gate: make(gate, most), batch: e.newBatch(e.sources[m][0])}
	if g.batch != nil {
		g.sizes = make(map[mirror.Name]int64, len(files))
		for _, w := range files {
			g.sizes[w.Name] = w.Size
		}
		if err := g.batch.start(ctx, most); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex // held while o.Done runs
	together := make(gate, filesAtOnce(maxTogether))
	for _, w := range files {
		if together.enter(ctx) != nil {
			break
		}
		wg.Go(func() {
			how, size, err := e.bring(ctx, g, m, w)
			together.leave()
			mu.Lock()
			defer mu.Unlock()
			o.Done(w, how, size, err)
		})
	}
	wg.Wait()
	if g.batch != nil {
		g.batch.end()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// bring fetches or refreshes one file.
func (e *Engine) bring(ctx context.Context, g *group, m *config.Mirror, w Wanted) (how Brought, size int64, err error) {
	p := place{w.Name, m, w.Name[len(m.Prefix):]}
	for try := range maxTries {
		var held *index.Record
		if !w.New || try > 0 {
			if held, err = e.held(ctx, w.Name); err != nil {
				return how, 0, err
			}
		}
		if how, size, done, err := e.bringWithLeader(ctx, g, p, held); err != nil || done && !(g.anew && how == Confirmed) {
			return how, size, err
		}
		t, err := e.beginAs(order{group: g}, p, held, true)
		if err != nil {
			return how, 0, err
		}
		if t == nil { // another process fetches it: what it brings is asked for once more
			if err := e.Idle(ctx, w.Name); err != nil {
				return how, 0, err
			}
			continue
		}
		s, err := t.await(ctx, isDone)
		if err != nil { // it may get its name all the same, which is to be counted
			t.cancel(err)
			s, err = t.await(context.WithoutCancel(ctx), isDone)
		}
		switch {
		case err != nil:
			return how, 0, err
		case try < maxTries-1 && e.pause(ctx, s.err):
			continue
		case s.err != nil:
			return how, 0, s.err
		case !s.published:
			return how, 0, fmt.Errorf("%w: the upstream sends it without a length, so that its end cannot be told from a broken connection: it can be delivered, but not kept", mirror.ErrBroken)
		case !s.checked:
			return Confirmed, 0, nil
		case held != nil:
			return Replaced, s.have, nil
		}
		return Fetched, s.have, nil
	}
	return how, 0, fmt.Errorf("%w: it was tried %d times, beside another process or an upstream that asks for patience", mirror.ErrBusy, maxTries)
}

// The bounds of a pause before an upstream that is busy is asked again.
const (
	pauseLeast = time.Second
	pauseMost  = 30 * time.Second
)

// pause waits as long as an upstream asked for, and reports whether err is such a
// request.
func (e *Engine) pause(ctx context.Context, err error) bool {
	asked := RetryAfter(err)
	if asked == 0 && !errors.Is(err, mirror.ErrBusy) || errors.Is(err, errShutdown) {
		return false
	}
	timer := time.NewTimer(min(max(asked, pauseLeast), pauseMost))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-e.ctx.Done():
	}
	return false
}

// held returns the record of what stands at a name; nil: nothing does. What is
// not a file of ours is mirror.ErrForeign.
func (e *Engine) held(ctx context.Context, name mirror.Name) (*index.Record, error) {
	fi, err := e.tree.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, foreign(name, err.Error())
	}
	if !fi.Mode().IsRegular() {
		return nil, foreign(name, "it is no regular file")
	}
	rec, ours := e.claim(ctx, name, fi)
	if !ours {
		return nil, fmt.Errorf("/%s: %w", name, mirror.ErrForeign)
	}
	return &rec, nil
}

func foreign(name mirror.Name, why string) error {
	return fmt.Errorf("/%s: %w: %s", name, mirror.ErrForeign, why)
}

// batches reports whether src is asked through the group's batch. A nil group has
// none.
func (g *group) batches(src upstream) bool {
	return g != nil && g.batch != nil && g.batch.src == src
}

// admit waits until t may ask src, as long as it takes. The line is of this
// process, so that hundreds of transfers do not poll for the slots.
func (g *group) admit(t *transfer, src upstream) (leave func(), err error) {
	if g.batches(src) {
		return func() {}, nil
	}
	if err := g.gate.enter(t.ctx); err != nil {
		return nil, err
	}
	release, err := t.waitSlots(src)
	if err != nil {
		g.gate.leave()
		return nil, err
	}
	return func() { release(); g.gate.leave() }, nil
}
