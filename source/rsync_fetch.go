package source

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"mirror"
)

const (
	// perSession is how many files are asked for over one connection. Their
	// requests, 22 bytes each, are written at once: so many fit into the
	// buffers of any connection, and never wait for a daemon that waits for its
	// answers to be read. What has to be looked at again is open until then.
	perSession = 512

	// perSessionNames is how many bytes their names may have, beyond the first:
	// they are written at once, too, and a daemon begins to answer before it
	// has read them all.
	perSessionNames = 32 << 10

	// lookAgainAfter: a file that is here this soon after it was listed has the
	// size and time of the list. For others the upstream is asked once more: it
	// may have been written to on its way.
	lookAgainAfter = time.Second

	// maxSkip is how many bytes that nobody wants are rather read than another
	// connection made.
	maxSkip = 1 << 20

	rsyncBuffer = 64 << 10 // bytes; daemons send chunks of 32 KiB
)

// Fetch implements Source.
func (r *Rsync) Fetch(ctx context.Context, req Request) (res Result, err error) {
	r.FetchMany(ctx, []Request{req}, func(_ int, re Result, e error) { res, err = re, e })
	return res, err
}

// FetchMany implements Batcher.
func (r *Rsync) FetchMany(ctx context.Context, requests []Request, done func(int, Result, error)) {
	pending := make([]*rsyncFetch, len(requests))
	for i := range requests {
		pending[i] = &rsyncFetch{copying: copying{Request: requests[i], fail: faultf}, i: i}
	}
	b := &rsyncBatch{r: r, buffer: make([]byte, rsyncBuffer)}
	b.settle = func(f *rsyncFetch, err error) {
		f.settled = true
		if err != nil {
			err = r.failure(ctx, f.Path, err)
		}
		done(f.i, Result{Meta: f.meta}, err)
	}
	isSettled := func(f *rsyncFetch) bool { return f.settled }
	for len(pending) > 0 {
		if err := b.run(ctx, b.share(pending)); err != nil {
			for _, f := range pending {
				if !f.settled {
					b.settle(f, err)
				}
			}
			return
		}
		pending = slices.DeleteFunc(pending, isSettled)
	}
}

// rsyncBatch is requests that share connections.
type rsyncBatch struct {
	r      *Rsync
	settle func(*rsyncFetch, error)
	buffer []byte
}

// rsyncFetch is one of the requests.
type rsyncFetch struct {
	copying
	i       int   // among the requests
	from    int64 // where the answer is to begin
	index   int   // in the upstream's list
	settled bool
}

// share is as many of pending as one connection may be asked for.
func (b *rsyncBatch) share(pending []*rsyncFetch) []*rsyncFetch {
	n, length := 0, 0
	for n < min(len(pending), perSession) {
		if length += len(b.r.below) + len(pending[n].Path); length > perSessionNames && n > 0 {
			break
		}
		n++
	}
	return pending[:n]
}

// run settles at least one of some over one connection, but for the first time
// that the daemon refuses to append. An error is that of the connection.
func (b *rsyncBatch) run(ctx context.Context, some []*rsyncFetch) error {
	some = b.measure(some)
	if len(some) == 0 {
		return nil
	}
	ask := b.ask(some)
	s, err := b.r.open(ctx, ask)
	if errors.Is(err, errNoAppend) && ask.appending {
		b.r.noAppend.Store(true)
		return nil
	}
	if err != nil {
		return err
	}
	defer s.close()
	late, err := b.transfer(ctx, s, b.judge(s, some))
	if err != nil {
		return err
	}
	return b.lookAgain(ctx, late)
}

// measure learns what is at hand, and returns those of which it can.
func (b *rsyncBatch) measure(some []*rsyncFetch) (good []*rsyncFetch) {
	for _, f := range some {
		var err error
		if f.offset, err = f.atHand(); err != nil {
			b.settle(f, err)
			continue
		}
		f.from = 0
		if !b.r.noAppend.Load() {
			f.from = max(0, f.offset-overlap)
		}
		good = append(good, f)
	}
	return good
}

func (b *rsyncBatch) ask(some []*rsyncFetch) rsyncAsk {
	ask := rsyncAsk{options: rsyncFiles, most: 1}
	for _, f := range some {
		b.r.askFor(&ask, f.Path)
		ask.appending = ask.appending || f.from > 0
	}
	return ask
}

// judge settles those whose file is not to be had, or not wanted, by what the
// list says, and returns the others in the order of the list.
func (b *rsyncBatch) judge(s *rsyncSession, some []*rsyncFetch) (good []*rsyncFetch) {
	index := s.index()
	for _, f := range some {
		if err := b.judgeOne(s, f, index); err != nil {
			b.settle(f, err)
			continue
		}
		good = append(good, f)
	}
	slices.SortFunc(good, func(f, g *rsyncFetch) int { return f.index - g.index })
	return good
}

func (b *rsyncBatch) judgeOne(s *rsyncSession, f *rsyncFetch, index map[string]int) (err error) {
	if f.index, f.meta, err = s.find(b.r, f.Path, index); err != nil {
		return err
	}
	return f.acceptable()
}

// transfer asks for the files and receives them, and returns those that are
// whole but not settled: they have to be looked at again.
func (b *rsyncBatch) transfer(ctx context.Context, s *rsyncSession, files []*rsyncFetch) (late []*rsyncFetch, err error) {
	if len(files) == 0 {
		s.leave()
		return nil, nil
	}
	for _, f := range files {
		s.request(f.index, f.from)
	}
	s.goodbye()
	if err := s.out.flush(); err != nil {
		return nil, err
	}
	s.pace(b.r)
	for _, f := range files {
		data, err := b.receive(ctx, s, f)
		switch {
		case err == nil && time.Since(s.asked) > b.r.lookAgainAfter:
			late = append(late, f)
		case err == nil:
			b.settle(f, nil)
		case s.in.err != nil, errors.Is(err, errFrame):
			return nil, err
		default:
			b.settle(f, err)
			if data != nil && !data.skip() {
				return late, nil // another connection for those that are left
			}
		}
	}
	s.farewell()
	return late, nil
}

// receive appends one answer to its file. An error with s.in.err unset is of this
// file alone.
func (b *rsyncBatch) receive(ctx context.Context, s *rsyncSession, f *rsyncFetch) (*rsyncData, error) {
	if err := s.answer(f.index); err != nil {
		return nil, err
	}
	data := s.data(f.meta.Size - f.from)
	_, err := f.append(ctx, data, f.from, b.buffer)
	return data, err
}

// skip reads what is left of an answer, if that is worth the while.
func (d *rsyncData) skip() bool {
	if d.left <= maxSkip {
		io.Copy(io.Discard, d)
	}
	return d.ended
}

// lookAgain settles those whose size and time still are those of the list.
func (b *rsyncBatch) lookAgain(ctx context.Context, late []*rsyncFetch) error {
	if len(late) == 0 {
		return nil
	}
	ask := b.ask(late)
	ask.appending = false
	s, err := b.r.open(ctx, ask)
	if err != nil {
		return err
	}
	defer s.close()
	index := s.index()
	for _, f := range late {
		_, now, err := s.find(b.r, f.Path, index)
		if err == nil && (now.Size != f.meta.Size || !now.ModTime.Equal(f.meta.ModTime)) {
			err = faultf(mirror.ErrChanged, "has changed while it was fetched")
		}
		b.settle(f, err)
	}
	s.leave()
	return nil
}
