package fetch

import (
	"context"
	"sync"
	"time"

	"mirror/store"
	"mirror/store/index"
)

const (
	// maxBatch bounds one batch: so many names wait for each other's syncs.
	maxBatch = 512

	// gatherTime is how long a batch waits for more when the one before it had
	// several. The syncs and commits of a batch cost some milliseconds of CPU
	// and disk, whatever its size.
	gatherTime = 5 * time.Millisecond

	// idleTime is how long a file waits for others that nobody waits for: those of
	// a group, of which many are on their way.
	idleTime = 50 * time.Millisecond
)

// publisher gives checked parts their names. Parts that are ready at the same
// time share their syncs and transactions: while one batch is written to disk,
// the next one gathers. Clients do not wait for it; who asks for a name
// meanwhile reads the checked part.
type publisher struct {
	e    *Engine
	jobs chan *job

	start sync.Once // the goroutine runs once there is work
	done  chan struct{}
}

type job struct {
	t   *transfer
	pub store.Publication
}

func newPublisher(e *Engine) *publisher {
	return &publisher{e: e, jobs: make(chan *job, maxBatch), done: make(chan struct{})}
}

// add has t's part published. t.named is called once its name and record are on
// disk, or with an error.
func (p *publisher) add(t *transfer) {
	p.start.Do(func() { go p.run() })
	p.jobs <- &job{t: t, pub: store.Publication{Part: t.part}}
}

// close ends the goroutine. Nobody may call add afterwards.
func (p *publisher) close() {
	p.start.Do(func() { close(p.done) }) // never ran
	close(p.jobs)
	<-p.done
}

func (p *publisher) run() {
	defer close(p.done)
	busy := false
	for j := range p.jobs {
		batch := p.gather(j, busy)
		p.publish(batch)
		for _, j := range batch {
			j.t.named(j.pub.Err)
		}
		busy = len(batch) > 1
	}
}

// gather returns what is to be published together with first: what is ready,
// and where many are on their way also what will be within gatherTime.
func (p *publisher) gather(first *job, busy bool) []*job {
	batch := []*job{first}
	var enough <-chan time.Time
	wait := gatherTime
	if first.t.group != nil {
		wait = idleTime
	}
	if busy {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		enough = timer.C
	}
	for len(batch) < maxBatch {
		select {
		case j, ok := <-p.jobs:
			if !ok {
				return batch
			}
			batch = append(batch, j)
			continue
		default:
		}
		if enough == nil {
			return batch
		}
		select {
		case j, ok := <-p.jobs:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		case <-enough:
			enough = nil
		}
	}
	return batch
}

// publish is sync, intend -> rename -> sync the directories -> record. The first two
// wait for the disk at the same time: an intent promises neither that the name comes,
// nor that the bytes are on disk. The record is not the truth: trouble with it is logged
// and stops nothing.
func (p *publisher) publish(batch []*job) {
	ctx := context.Background()
	items := make([]*store.Publication, 0, len(batch))
	for _, j := range batch {
		items = append(items, &j.pub)
	}
	rows := make([]index.Partial, 0, len(batch))
	for _, j := range batch {
		rows = append(rows, j.t.row)
	}
	var synced sync.WaitGroup
	synced.Go(func() { p.e.tree.Sync(items) })
	if err := p.e.index.Intend(ctx, rows); err != nil {
		p.e.log.Warn("publications cannot be announced in the record", "files", len(rows), "err", err)
	}
	synced.Wait()
	for _, j := range batch {
		j.pub.Replace = j.t.held != nil && p.mayReplace(ctx, j.t)
	}
	p.e.tree.Publish(items)
	var recs []index.Record
	for _, j := range batch {
		if j.pub.Err == nil {
			// Checked is when the upstream was asked: what a crash left may
			// be published much later.
			recs = append(recs, j.t.row.Record())
		}
	}
	if err := p.e.index.Publish(ctx, recs); err != nil {
		p.e.log.Warn("published files cannot be recorded; run `mirrorctl reindex`, then `mirrorctl adopt` them", "files", len(recs), "err", err)
	}
}

// mayReplace looks once more, right before the rename: what stands at the name
// must still be one of ours.
func (p *publisher) mayReplace(ctx context.Context, t *transfer) bool {
	fi, err := p.e.tree.Lstat(t.name)
	if err != nil {
		return false
	}
	_, ours := p.e.claim(ctx, t.name, fi)
	return ours && fi.Mode().IsRegular()
}
