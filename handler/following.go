package handler

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"mirror/fetch"
	"mirror/internal/gather"
)

// following writes a file as it arrives through net/http's writer. That one holds a
// buffer of 32 KiB for as long as the client follows, and io.Copy within it another:
// with two thousand clients that wait for the same bytes, most of the memory. Here a
// buffer is taken when there is something to put into it. What is on disk the kernel
// sends, where it can: fifty clients of one file have a copy less each.
type following struct {
	http.ResponseWriter
	file *fetch.File
	next gather.Piece // kept, since of a large file there are a hundred thousand
}

// pieces are the buffers. Clients that read slowly hold one each, so they are small.
var pieces = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// ReadFrom implements io.ReaderFrom, for serveContent.
func (w *following) ReadFrom(src io.Reader) (total int64, err error) {
	l, limited := src.(*io.LimitedReader)
	if !limited || l.R != io.Reader(w.file) { // the parts of several ranges come through a pipe
		l = nil
	}
	for {
		if l != nil && l.N > 0 {
			w.file.Await(w.flush)
		}
		n, err := w.send(l)
		if n == 0 && err == nil {
			n, err = w.piece(src)
		}
		total += n
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// piece copies what one Read gives.
func (w *following) piece(src io.Reader) (int64, error) {
	b := pieces.Get().(*[]byte)
	defer pieces.Put(b)
	n, err := src.Read(*b)
	if n > 0 {
		if n, err := w.Write((*b)[:n]); err != nil {
			return int64(n), err
		}
	}
	return int64(n), err
}

// mostSent is how much is sent before it is looked again whether the file is still one
// version, in bytes.
const mostSent = 1 << 20

// send sends what lies on disk already; 0 bytes: nothing does, or w cannot.
func (w *following) send(l *io.LimitedReader) (int64, error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	if l == nil || !ok {
		return 0, nil
	}
	file, off, n := w.file.Ready(min(l.N, mostSent))
	if file == nil {
		return 0, nil
	}
	if w.next.File != file {
		w.next = gather.Piece{File: file}
	}
	w.next.Off, w.next.N = off, n
	sent, err := to.ReadFrom(&w.next)
	l.N -= sent
	_, seekErr := w.file.Seek(sent, io.SeekCurrent)
	return sent, errors.Join(err, seekErr)
}

// flush sends what net/http still holds, since nothing follows for a while.
func (w *following) flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
