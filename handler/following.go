package handler

import (
	"io"
	"net/http"
	"sync"

	"mirror/fetch"
)

// following writes a file as it arrives through net/http's writer. That one holds a
// buffer of 32 KiB for as long as the client follows, and io.Copy within it another:
// with two thousand clients that wait for the same bytes, most of the memory. Here a
// buffer is taken when there is something to put into it.
type following struct {
	http.ResponseWriter
	file *fetch.File
}

// pieces are the buffers. Clients that read slowly hold one each, so they are small.
var pieces = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// ReadFrom implements io.ReaderFrom, for http.ServeContent.
func (w following) ReadFrom(src io.Reader) (total int64, err error) {
	l, limited := src.(*io.LimitedReader)
	if limited && l.R != io.Reader(w.file) { // the parts of several ranges come through a pipe
		limited = false
	}
	for {
		if limited && l.N > 0 {
			w.file.Await(w.flush)
		}
		n, err := w.piece(src)
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// piece copies what one Read gives.
func (w following) piece(src io.Reader) (int, error) {
	b := pieces.Get().(*[]byte)
	defer pieces.Put(b)
	n, err := src.Read(*b)
	if n > 0 {
		if n, err := w.Write((*b)[:n]); err != nil {
			return n, err
		}
	}
	return n, err
}

// flush sends what net/http still holds, since nothing follows for a while.
func (w following) flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
