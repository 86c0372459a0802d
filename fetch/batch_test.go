package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/source"
)

// brought is what became of files that were wanted.
type brought struct {
	how  Brought
	size int64
	err  error
}

func (s *site) fetchMany(e *Engine, names ...mirror.Name) map[mirror.Name]brought {
	s.t.Helper()
	got := make(map[mirror.Name]brought)
	var files []Wanted
	for _, name := range names {
		files = append(files, Wanted{Name: name, Size: 1000})
	}
	err := e.FetchMany(s.ctx(), &s.conf.Mirrors[0], files, Many{
		Done: func(w Wanted, how Brought, size int64, err error) {
			if _, twice := got[w.Name]; twice {
				s.t.Errorf("%s is told of twice", w.Name)
			}
			got[w.Name] = brought{how, size, err}
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if len(got) != len(names) {
		s.t.Errorf("told of %d files, want %d", len(got), len(names))
	}
	return got
}

func TestFetchMany(t *testing.T) {
	o := origin.New(t)
	var names []mirror.Name
	for i := range 300 {
		o.Set(fmt.Sprint("/", i), origin.File{Seed: uint64(i), Size: 1000})
		names = append(names, mirror.Name(fmt.Sprint("m/", i)))
	}
	s := newSite(t, "", o)
	e := s.engine()
	if err := os.MkdirAll(s.path("m/d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("m/theirs"), []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, b := range s.fetchMany(e, append(names, "m/theirs", "m/d", "m/none")...) {
		switch name {
		case "m/theirs", "m/d":
			if !errors.Is(b.err, mirror.ErrForeign) {
				t.Errorf("%s: %v", name, b.err)
			}
		case "m/none":
			if !errors.Is(b.err, mirror.ErrNotFound) {
				t.Errorf("%s: %v", name, b.err)
			}
		default:
			if b.err != nil || b.how != Fetched || b.size != 1000 {
				t.Errorf("%s: %+v", name, b)
			}
		}
	}
	for i, name := range names {
		s.wantPublished(name, origin.Bytes(uint64(i), 1000), time.Time{})
	}
	if most := o.Peak(); most > 2*fewJobs { // the server sees an answer end later than the client
		t.Errorf("%d files were asked for at a time, want %d at most", most, fewJobs)
	}
	s.wantNoParts()

	// However fresh they are, they are asked for again.
	o.Set("/1", origin.File{Seed: 7, Size: 20, ModTime: origin.Epoch.Add(time.Hour)})
	got := s.fetchMany(e, "m/0", "m/1")
	if b := got["m/0"]; b.err != nil || b.how != Confirmed {
		t.Errorf("the same again: %+v", b)
	}
	if b := got["m/1"]; b.err != nil || b.how != Replaced || b.size != 20 {
		t.Errorf("another version: %+v", b)
	}
	s.wantPublished("m/1", origin.Bytes(7, 20), origin.Epoch.Add(time.Hour))
}

// TestFetchManyPatience: an upstream that asks for patience gets it.
func TestFetchManyPatience(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: 10})
	o.Behave("/a", origin.Behaviour{Status: 503, RetryAfter: "1", Times: 1})
	s := newSite(t, "", o)
	if b := s.fetchMany(s.engine(), "m/a")["m/a"]; b.err != nil || b.how != Fetched {
		t.Errorf("%+v", b)
	}
}

// TestFetchManyFollows: what another process fetches is waited for.
func TestFetchManyFollows(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: 300_000})
	release := o.HoldAfter("/a", 100_000)
	s := newSite(t, "", o)
	one, two := s.engine(), s.engine()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.get(one, "m/a"); err != nil {
			t.Error(err)
		}
	})
	s.until("the other process fetches it", func() bool {
		held, err := two.tree.Locks.Held("m/a")
		return held || err != nil
	})
	wg.Go(func() {
		if b := s.fetchMany(two, "m/a")["m/a"]; b.err != nil || b.how != Confirmed {
			t.Errorf("%+v", b)
		}
	})
	release()
	wg.Wait()
	s.wantPublished("m/a", origin.Bytes(1, 300_000), time.Time{})
}

// batcher is an upstream whose sessions are what a test says.
type batcher struct {
	source.Source
	session func(ctx context.Context, n int, requests []source.Request, done func(int, source.Result, error))

	mu       sync.Mutex
	sessions int // guarded by mu
}

func (b *batcher) String() string              { return "rsync://one.example/" }
func (b *batcher) URL(name mirror.Name) string { return "rsync://one.example/" + string(name) }

func (b *batcher) FetchMany(ctx context.Context, requests []source.Request, done func(int, source.Result, error)) {
	b.mu.Lock()
	n := b.sessions
	b.sessions++
	b.mu.Unlock()
	b.session(ctx, n, requests, done)
}

// send answers a request.
func send(r source.Request, done func(source.Result, error)) {
	body := []byte(r.Path)
	meta := mirror.Meta{Size: int64(len(body)), ModTime: origin.Epoch}
	f, err := r.Start(meta)
	if err == nil {
		_, err = f.Write(body)
		r.Wrote(len(body))
	}
	done(source.Result{Meta: meta}, err)
}

func (s *site) batching(b *batcher) *Engine {
	e := s.engine()
	m := &s.conf.Mirrors[0]
	e.sources[m] = []upstream{{Source: b, pool: "upstream one.example"}}
	return e
}

// TestBatchCut: a session that ends early costs its files another, as long as it
// brought some.
func TestBatchCut(t *testing.T) {
	var names []mirror.Name
	for i := range 2000 {
		names = append(names, mirror.Name(fmt.Sprint("m/", i)))
	}
	s := newSite(t, "", origin.New(t))
	broken := fmt.Errorf("%w: cut", mirror.ErrBroken)
	b := &batcher{session: func(_ context.Context, n int, requests []source.Request, done func(int, source.Result, error)) {
		if len(requests) > maxAsked {
			t.Errorf("a session was asked for %d files", len(requests))
		}
		for i, r := range requests {
			if n%3 == 0 && i > 10 {
				done(i, source.Result{}, broken)
				continue
			}
			send(r, func(res source.Result, err error) { done(i, res, err) })
		}
	}}
	for name, b := range s.fetchMany(s.batching(b), names...) {
		if b.err != nil || b.how != Fetched {
			t.Fatalf("%s: %+v", name, b)
		}
	}
	for _, name := range names {
		s.wantPublished(name, []byte(name[2:]), origin.Epoch)
	}
	s.wantNoParts()
}

// TestBatchBroken: sessions that bring nothing are not held for ever.
func TestBatchBroken(t *testing.T) {
	s := newSite(t, "", origin.New(t))
	b := &batcher{session: func(_ context.Context, _ int, requests []source.Request, done func(int, source.Result, error)) {
		for i := range requests {
			done(i, source.Result{}, fmt.Errorf("%w: down", mirror.ErrBroken))
		}
	}}
	for name, b := range s.fetchMany(s.batching(b), "m/a", "m/b", "m/c") {
		if !errors.Is(b.err, mirror.ErrBroken) {
			t.Errorf("%s: %+v", name, b)
		}
	}
	s.wantNoParts()
}

// TestFetchManyStopped: who gives up need not wait for the upstream.
func TestFetchManyStopped(t *testing.T) {
	s := newSite(t, "", origin.New(t))
	ctx, stop := context.WithCancel(s.ctx())
	b := &batcher{session: func(ctx context.Context, _ int, requests []source.Request, done func(int, source.Result, error)) {
		stop()
		<-ctx.Done() // with that of FetchMany
		for i := range requests {
			done(i, source.Result{}, context.Cause(ctx))
		}
	}}
	e := s.batching(b)
	err := e.FetchMany(ctx, &s.conf.Mirrors[0], []Wanted{{Name: "m/a"}, {Name: "m/b"}}, Many{
		Done: func(Wanted, Brought, int64, error) {},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	e.Close(ctx)
	if held, err := e.tree.Locks.Held("m/a"); held || err != nil {
		t.Errorf("the lock is held: %v, %v", held, err)
	}
}

// TestFetchManyCounts: what is told of a group that was stopped is what is here.
func TestFetchManyCounts(t *testing.T) {
	o := origin.New(t)
	s := newSite(t, "", o)
	e := s.engine()
	var files []Wanted
	for i := range 200 {
		name := fmt.Sprint(i)
		o.Set("/"+name, origin.File{Seed: 1, Size: 1000})
		files = append(files, Wanted{Name: mirror.Name("m/" + name)})
	}
	full := errors.New("the disk is full")
	ctx, stop := context.WithCancelCause(s.ctx())
	come := 0
	err := e.FetchMany(ctx, &s.conf.Mirrors[0], files, Many{Done: func(_ Wanted, _ Brought, _ int64, err error) {
		if err == nil {
			come++
		}
		stop(full)
	}})
	if !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	e.Close(s.ctx())
	here, err := os.ReadDir(s.docroot + "/m")
	if err != nil || len(here) != come || come == 0 {
		t.Errorf("%d files are here, %d were told; %v", len(here), come, err)
	}
}
