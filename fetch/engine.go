// Package fetch is the engine: it brings a missing file from an upstream into
// the docroot, once, and lets everybody who asks meanwhile read it as it
// grows. It is the only package that knows upstreams, files and records.
//
//	look -> lock -> look again -> backlog -> slots -> ask -> copy -> verify ->
//	check -> digest -> sync, intend -> rename -> sync the directory -> record ->
//	unlock
//
// "Being fetched" is the lock of the name and nothing else. Whoever holds it
// writes; everybody else, in this process or another, follows. A transfer is
// the holder's side, a follower the other; a File is what a client reads.
package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"mirror"
	"mirror/config"
	"mirror/internal/keylock"
	"mirror/repo"
	"mirror/store"
	"mirror/store/index"
)

// Options are what the surroundings of an engine decide.
type Options struct {
	Log *slog.Logger // nil: slog.Default()

	// Spawn starts a process that calls Work with name and files, its descriptors
	// from 3 on; nil means that this process fetches. Else it fetches only what is
	// small and comes soon (see brief.go), or what no process could be started for.
	// Files are closed by the caller.
	Spawn func(name mirror.Name, files []*os.File) error

	TLS *tls.Config      // for upstreams; nil: the system's roots
	Now func() time.Time // nil: time.Now
}

// Engine is safe for concurrent use. Make one with Open, end it with Shut.
type Engine struct {
	conf  *config.Config
	tree  *store.Tree
	index *index.Index
	log   *slog.Logger
	spawn func(mirror.Name, []*os.File) error
	now   func() time.Time
	boot  string

	// limited: limits.fetches is less than what all upstreams may be asked at a
	// time anyway, so that it has to be counted.
	limited bool

	know        map[*config.Mirror]*repo.Knowledge
	sources     map[*config.Mirror][]upstream
	listers     map[*config.Mirror][]upstream // the same, in the order in which directories are asked for
	backlog     backlog
	extras      gate // has one for each connection beside a fetch's first: see extrasAtOnce
	publish     *publisher
	runners     *runners
	linked      linked
	queues      queues
	digests     digestCache
	stalled     stalled
	prefetching gate // of one: see prefetch
	reading     gate // of one: read, an index takes a multiple of what it says

	ctx  context.Context // of everything that outlives its client
	stop context.CancelCauseFunc
	wg   sync.WaitGroup // the transfers

	batches sync.WaitGroup // what they are asked for together by; they end after ctx

	closing sync.Once

	mu         sync.Mutex
	running    map[mirror.Name]*transfer // guarded by mu; one for each lock held here
	listings   map[mirror.Name]*listCall // guarded by mu; the directories being asked for
	unreadable map[mirror.Name]string    // guarded by mu; versions of catalogs that were tried in vain
	closed     bool                      // guarded by mu
}

// newEngine returns an engine over an open tree and index; both stay the caller's.
func newEngine(conf *config.Config, tree *store.Tree, idx *index.Index, o Options) *Engine {
	e := &Engine{
		conf: conf, tree: tree, index: idx,
		log: o.Log, spawn: o.Spawn, now: o.Now, boot: bootID(),
		sources: make(map[*config.Mirror][]upstream), listers: make(map[*config.Mirror][]upstream),
		running: make(map[mirror.Name]*transfer), listings: make(map[mirror.Name]*listCall),
		unreadable: make(map[mirror.Name]string), reading: make(gate, 1), prefetching: make(gate, 1), know: make(map[*config.Mirror]*repo.Knowledge),
	}
	for i := range conf.Mirrors {
		know, err := repo.New(conf.Mirrors[i].Profile)
		if err != nil { // config knows the same profiles
			panic(err)
		}
		e.know[&conf.Mirrors[i]] = know
	}
	if e.log == nil {
		e.log = slog.Default()
	}
	if e.now == nil {
		e.now = time.Now
	}
	e.ctx, e.stop = context.WithCancelCause(context.Background())
	e.backlog = backlog{make(gate, filesAtOnce(mostBehind))}
	e.extras = make(gate, extrasAtOnce())
	e.publish = newPublisher(e)
	e.runners = newRunners(e.ctx.Done())
	e.connect(o.TLS)
	return e
}

// Await returns when nothing is being fetched here any more.
func (e *Engine) Await() { e.wg.Wait() }

// Close ends the engine: no new fetch begins, running ones may finish until
// ctx is done and are then broken off, resumable. A second call does nothing.
func (e *Engine) Close(ctx context.Context) { e.closing.Do(func() { e.close(ctx) }) }

func (e *Engine) close(ctx context.Context) {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	done := make(chan struct{})
	go func() { e.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		e.stop(errShutdown)
		<-done
	}
	e.stop(errShutdown)
	e.batches.Wait()
	e.publish.close()
}

var errShutdown = fmt.Errorf("%w: the server is shutting down", mirror.ErrBusy)

// outside is the error of a name below no prefix: a prefix without its slash
// is a directory.
func (e *Engine) outside(name mirror.Name) error {
	if e.placeOf(name+"/").m != nil {
		return fmt.Errorf("/%s: %w", name, mirror.ErrIsDirectory)
	}
	return fmt.Errorf("/%s: %w", name, mirror.ErrNoMirror)
}

// Miss says how clients get a name that is missing.
func (e *Engine) Miss(name mirror.Name) config.MissMode {
	if m := e.placeOf(name).m; m != nil {
		return m.Miss
	}
	return config.MissStream
}

// maxTries bounds how often one request begins anew because a fetch that it
// followed was abandoned, or a file vanished under it.
const maxTries = 4

// Open returns name for reading: the published file, or one that is being
// fetched, from the moment its first bytes may be read. A missing file is
// asked of its upstreams; the errors are package mirror's.
//
// ctx bounds the wait and every later Read; the fetch itself goes on without
// it, unless the mirror's keep_going is false.
func (e *Engine) Open(ctx context.Context, name mirror.Name) (*File, error) {
	since := e.now()
	for try := range maxTries {
		f, p, err := e.find(ctx, name)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, errMissing):
			return nil, err
		case p.m == nil:
			return nil, e.outside(name)
		}
		hint, err := e.index.Hint(ctx, string(p.name))
		if err != nil {
			e.log.Warn("the record cannot be read", "path", "/"+string(p.name), "err", err)
		}
		if hint.Failed {
			if err := e.remembered(ctx, p.name); err != nil {
				return nil, err
			}
		}
		if e.via(ctx, p) || e.linkTwin(ctx, p) {
			continue
		}
		f, err = e.join(ctx, p, order{unclaimed: err == nil && !hint.Expected, brief: true}, since, try)
		if errors.Is(err, mirror.ErrNoSpace) {
			return e.passThrough(ctx, p, err)
		}
		if !errors.Is(err, errAgain) {
			return f, err
		}
	}
	return nil, fmt.Errorf("%w: fetching %s was begun %d times and abandoned each time", mirror.ErrBroken, name, maxTries)
}

var (
	// errMissing: the docroot does not have the file.
	errMissing = errors.New("not in the docroot")
	// errAgain: what was followed has ended elsewhere; look again.
	errAgain = errors.New("look again")
)

// join begins the fetch of a missing file or follows the one that runs.
func (e *Engine) join(ctx context.Context, p place, o order, since time.Time, try int) (*File, error) {
	// A worker that fails without a word is not tried for ever.
	t, err := e.beginAs(o, p, nil, try >= 2)
	switch {
	case err != nil:
		return nil, err
	case t != nil && t.refresh && e.isHere(p.name):
		// It has got its name since it was looked for, and is being refreshed by now.
		return nil, errAgain
	case t != nil:
		if f, err := t.open(ctx); !errors.Is(err, errHandedOver) {
			return f, err
		}
	}
	return e.follow(ctx, p, since)
}

// isHere reports whether something stands at name.
func (e *Engine) isHere(name mirror.Name) bool {
	_, err := e.tree.Lstat(name)
	return err == nil
}

// begin sees to it that the file at p is being fetched. It returns the transfer of this
// process, or nil when another process has the fetch, given to it just now or
// before. held describes the published file that is to be refreshed; nil: the
// file is missing. here: in this process, if in none yet.
func (e *Engine) begin(p place, held *index.Record, here bool) (*transfer, error) {
	return e.beginAs(order{}, p, held, here)
}

// order is what a transfer is for, if it is not for who asked for its name.
type order struct {
	group      *group      // that it belongs to; nil: none
	generation *generation // that publishes it; nil: it does so itself

	expected  []index.Expected // of its bytes; nil: to be looked up
	unclaimed bool             // no index named it a moment ago
	alias     mirror.Name      // below the prefix: the same bytes under a name of their own; "": none
	brief     bool             // who asks can follow a worker as well; of a transfer: see brief.go

	// since is when somebody found that the held file may be out of date: one that
	// was confirmed later is good. Zero: one that is fresh is.
	since time.Time
}

// beginAs is begin for a transfer that has an order. One that runs already goes on
// with its own.
func (e *Engine) beginAs(o order, p place, held *index.Record, here bool) (*transfer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t := e.running[p.name]; t != nil {
		return t, nil
	}
	if e.closed {
		return nil, errShutdown
	}
	lock, err := e.tree.Locks.TryLock(string(p.name))
	if errors.Is(err, keylock.ErrHeld) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("/%s: %w: %w", p.name, mirror.ErrStore, err)
	}
	t := newTransfer(e, p, lock, held)
	t.order = o
	t.brief = e.spawn != nil && !here && t.canBeBrief()
	if e.spawn != nil && !here && !t.brief {
		err := e.spawn(p.name, []*os.File{lock.File()})
		if err == nil {
			lock.Unlock() // the child has its own copy
			t.cancel(nil)
			return nil, nil
		}
		e.log.Warn("no worker process could be started, so this one fetches", "err", err)
	}
	e.running[p.name] = t
	e.wg.Add(1)
	e.runners.run(t.run)
	return t, nil
}

// ended releases a transfer's lock and takes it off the list, in one step: who
// finds the lock free begins a new one, and does not join what is over.
func (e *Engine) ended(t *transfer) {
	e.mu.Lock()
	t.lock.Unlock()
	delete(e.running, t.name)
	e.mu.Unlock()
	e.wg.Done()
}

// bootID tells one boot of the machine from the next: bytes that were not
// synced before a power cut are not to be trusted after it.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
