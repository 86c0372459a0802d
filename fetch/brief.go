package fetch

import (
	"context"
	"errors"
	"os"
	"time"

	"mirror"
	"mirror/source"
)

// briefTime is how long a CGI process waits for the whole of a small file before a
// worker goes on: less than the three seconds after which Apache kills a process whose
// client has left, and more than an upstream on the other side of the earth needs.
const briefTime = time.Second

// errHandedOver ends a transfer that goes on in a worker, which has its lock, and before
// that an attempt at what turns out not to be small.
var errHandedOver = errors.New("a worker goes on with it")

// liner is a source whose connection can be handed to another process; nil: this one's
// cannot.
type liner interface {
	Line(till time.Time) *source.Line
}

// canBeBrief reports whether the file may turn out to be a small one, of which nothing
// but its digest has to be known: that is fetched in the process of the request, which
// takes two thirds of the time that it would with a worker. All else is a worker's from
// the start.
func (t *transfer) canBeBrief() bool {
	return t.brief && t.isPlain() && t.alias == "" && !t.m.IsMutable(string(t.rest)) && t.newLine() != nil
}

func (t *transfer) newLine() *source.Line {
	if l, ok := t.e.sources[t.m][0].Source.(liner); ok {
		return l.Line(time.Now().Add(briefTime))
	}
	return nil
}

// fetchBriefly is the steps from the slots to the check of a small file. Whatever is
// left on disk of the name is a worker's business. Where none could be started, the
// transfer is brief no more.
func (t *transfer) fetchBriefly(left bool) error {
	if err := t.expect(); err != nil {
		return err
	}
	var files []*os.File
	if !left && t.isPlain() { // an index that is called by its digest is known for one now
		go t.e.index.Warm() // while the upstream is asked
		line := t.newLine()
		defer line.Close()
		res, err := t.askBriefly(line)
		switch {
		case err == nil:
			t.steps.done("copy")
			return t.check(res)
		case t.ctx.Err() != nil:
			return context.Cause(t.ctx)
		case errors.Is(err, mirror.ErrNotFound) && len(t.e.sources[t.m]) == 1:
			return summary([]error{err}) // there is nobody else to ask
		}
		if files, err = line.Files(); err != nil {
			t.e.log.Warn("a connection cannot be handed over: it is asked anew", "path", "/"+string(t.name), "err", err)
		}
	}
	return t.handOver(files)
}

// askBriefly asks the first upstream, and returns what Small has taken. Whatever else
// comes of it (a large file, most other statuses, wrong bytes, silence), a worker finds on
// the same connection, and deals with it.
func (t *transfer) askBriefly(line *source.Line) (*source.Result, error) {
	if t.e.limited {
		if err := t.takeSlot(poolAll, t.e.conf.Limits.Fetches); err != nil {
			return nil, err
		}
	}
	t.line = line
	return t.attempt(t.e.sources[t.m][0])
}

// handOver has a worker go on: by the connection in files, or from the start.
func (t *transfer) handOver(files []*os.File) error {
	t.lock.ReleaseSlot(poolAll) // the worker takes its own, and would wait for ours
	err := t.e.spawn(t.name, append([]*os.File{t.lock.File()}, files...))
	if err == nil {
		for _, f := range files {
			f.Close()
		}
		return errHandedOver
	}
	t.e.log.Warn("no worker process could be started, so this one fetches", "err", err)
	t.brief = false
	t.takeLine(files)
	return nil
}

// takeLine has the first upstream asked over a connection that it was asked on already,
// if there is one.
func (t *transfer) takeLine(files []*os.File) {
	if len(files) == 0 {
		return
	}
	var err error
	if t.line, err = source.Inherit(files); err != nil {
		t.e.log.Warn("a connection cannot be taken over: the upstream is asked anew", "path", "/"+string(t.name), "err", err)
	}
}
