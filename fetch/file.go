package fetch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"mirror"
	"mirror/store"
)

// File is what a client reads: a published file, one that is growing, or one
// that cannot be stored and is passed through. It is an io.ReadSeeker of
// Meta.Size bytes; a Read waits until there is something. It is used by one
// goroutine at a time, but for Close, which ends a Read: net/http reads the
// parts of several ranges in a goroutine that may outlive its answer.
type File struct {
	Meta  mirror.Meta // Size is known
	Fresh Freshness   // of a published file

	e      *Engine
	name   mirror.Name // where it is, or will be
	digest []byte      // see SHA256; nil: not known, or not looked up yet
	looked bool        // digest is all that is known

	published bool
	aside     bool        // of a published file: see Aside
	file      *store.File // of a published file; else nil
	info      fs.FileInfo

	mu     sync.Mutex // held by Read and Close
	closed bool       // guarded by mu
	cancel func()     // ends a Read

	ctx   context.Context    // of the client
	part  *store.Part        // of a growing file; else nil, or not made yet
	made  func() *store.Part // a reference to part, once it has been made; nil: it was given up
	body  []byte             // of a small one that has just come; else nil
	head  []byte             // the first bytes, where the part did not have them yet
	grow  growth
	relay *relay
	leave func()

	pos    int64
	failed error // what Await waited for in vain; the next Read returns it; guarded by mu
}

// growth is how a growing file's reader learns how far it is.
type growth interface {
	// visible returns how many bytes may be read now; -1: the part was given up.
	visible() int64
	// wait returns once more than pos bytes may be read, or says why they
	// never will.
	wait(ctx context.Context, pos int64) (visible int64, err error)
	// settled returns once nothing will change any more: published under its
	// name, or not.
	settled(ctx context.Context) (published bool, err error)
	// close is called once, when nobody reads any more.
	close()
}

// Published reports whether the file had its name when it was opened.
func (f *File) Published() bool { return f.published }

// OS returns the file itself when it is published, else nil.
func (f *File) OS() *os.File {
	if f.file == nil {
		return nil
	}
	return f.file.OS()
}

// Aside reports whether the file is, or will be, kept where no web server finds it.
func (f *File) Aside() bool {
	return f.aside || f.part != nil && f.part.IsAside() || (f.body != nil || f.head != nil) && f.e.tree.IsAside(f.name)
}

// Settle returns once the file is in the docroot under its name (true), or is
// whole but will never be (false), or ctx is done.
func (f *File) Settle(ctx context.Context) (bool, error) {
	if f.published {
		return true, nil
	}
	if f.grow == nil {
		return false, nil
	}
	return f.grow.settled(ctx)
}

// Whole reports whether all of the file may be read already, whether or not it
// is published.
func (f *File) Whole() bool {
	return f.published || f.body != nil || f.grow != nil && f.grow.visible() == f.Meta.Size
}

// Within makes ctx bound the reads from now on, instead of the one that
// bounded the opening.
func (f *File) Within(ctx context.Context) {
	f.ctx, f.cancel = context.WithCancel(ctx)
}

// Expect says that no byte at or after end will be read, so that a relay does
// not ask for it.
func (f *File) Expect(end int64) {
	if f.relay != nil {
		f.relay.end = min(end, f.Meta.Size)
	}
}

// Read implements io.Reader. It ends with io.EOF after Meta.Size bytes and never
// before: mirror.ErrChanged says that the bytes read so far are of a version
// that is gone, other errors that there will be no more.
func (f *File) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, fs.ErrClosed
	}
	n, err := f.readAt(p)
	f.pos += int64(n)
	return n, err
}

// Await returns once a Read need not wait for the file to grow: it would give bytes or
// an error. idle is called first if there is a wait. So who reads needs no buffer while
// it waits.
func (f *File) Await(idle func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.grow == nil || f.pos >= f.Meta.Size {
		return
	}
	visible := f.grow.visible()
	if visible > f.pos || visible >= 0 && f.relay.worthwhile(f.pos-visible) {
		return
	}
	idle()
	_, f.failed = f.grow.wait(f.ctx, f.pos)
}

// await waits until the file has grown; where Await has just done so in vain, it returns
// that error.
func (f *File) await() (visible int64, err error) {
	if err := f.failed; err != nil {
		f.failed = nil
		return 0, err
	}
	return f.grow.wait(f.ctx, f.pos)
}

func (f *File) readAt(p []byte) (int, error) {
	if f.pos >= f.Meta.Size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), f.Meta.Size-f.pos)]
	if f.file != nil {
		n, err := f.file.ReadAt(p, f.pos)
		if err == io.EOF { // somebody has truncated it
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	if f.body != nil {
		return copy(p, f.body[f.pos:]), nil
	}
	if f.grow == nil {
		return f.relay.readAt(f.ctx, p, f.pos)
	}
	visible := f.grow.visible()
	if visible <= f.pos {
		// Of a part that was given up, nothing is had from elsewhere: its bytes
		// may have been wrong.
		if visible >= 0 && f.relay.worthwhile(f.pos-visible) {
			n, err := f.relay.readAt(f.ctx, p, f.pos)
			if n > 0 || f.ctx.Err() != nil {
				return n, err
			}
			f.relay.off = true // it cannot: so we wait, and others may try
			f.relay.close()
		}
		var err error
		visible, err = f.await()
		if errors.Is(err, mirror.ErrNoSpace) && f.relay.instead(f.pos) {
			f.grow.close()
			f.grow = nil // from here on it is passed through
			return f.relay.readAt(f.ctx, p, f.pos)
		}
		if err != nil {
			return 0, err
		}
	}
	f.relay.close()
	p = p[:min(int64(len(p)), visible-f.pos)]
	if f.pos < int64(len(f.head)) {
		return copy(p, f.head[f.pos:]), nil
	}
	if f.head = nil; f.part == nil { // it has been made since
		if f.part = f.made(); f.part == nil {
			return 0, mirror.ErrChanged
		}
	}
	return f.part.ReadAt(p, f.pos)
}

// Ready returns where on disk the next bytes lie that can be read without waiting: at
// most n, of file from off on; a nil file where there are none such. Who has used them
// seeks past them.
func (f *File) Ready(n int64) (file *os.File, off, ready int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.grow == nil || f.part == nil || f.failed != nil || f.pos < int64(len(f.head)) {
		return nil, 0, 0
	}
	ready = min(n, f.grow.visible()-f.pos)
	if ready <= 0 {
		return nil, 0, 0
	}
	f.relay.close()
	return f.part.File(), f.pos, ready
}

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += f.Meta.Size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	f.pos = offset
	return offset, nil
}

// Close releases the file. A fetch goes on without its clients, unless the
// mirror's keep_going is false and this was the last one.
func (f *File) Close() error {
	if f.cancel != nil {
		f.cancel()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	if f.relay != nil {
		f.relay.close()
	}
	if f.part != nil {
		f.part.Close()
	}
	if f.grow != nil {
		f.grow.close()
	}
	if f.leave != nil {
		f.leave()
	}
	if f.file != nil {
		return f.file.Close()
	}
	return nil
}
