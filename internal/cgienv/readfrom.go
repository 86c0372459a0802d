package cgienv

import (
	"io"
	"net/http"
)

// Waiter is a source that can be waited for without a buffer to read into: with
// hundreds of clients that wait for the same bytes, buffers are most of the memory.
type Waiter interface {
	// Await returns once a Read would not wait. Before it waits it calls idle.
	Await(idle func())
}

// ReadFrom adds all of src to the body, for io.Copy. It reads straight into the
// frame, so the bytes are copied once less than by Write. What a source gives in
// a read that leaves the frame unfilled is sent on at once: a file that is still
// growing is shown to the client as it grows. The exception is the end of a
// declared body, which leaves together with the end of the answer.
//
// It reads to the end of src even for HEAD, and even if the declared length has
// been reached before, because src may still report that all of it was wrong. A
// byte too many is http.ErrContentLength.
//
// There is no sendfile(2) here because it gains nothing: 256 MiB in FastCGI records
// from the page cache took 46 ms with it and 47 ms without on a unix socket, and
// through nginx, which is the slower half, the same 430 ms (Linux 6.18, 2 cores).
func (w *Response) ReadFrom(src io.Reader) (total int64, err error) {
	if _, err := w.Write(nil); err != nil {
		return 0, err
	}
	limited, _ := src.(*io.LimitedReader) // as http.ServeContent reads
	var waiter Waiter
	if limited != nil {
		waiter, _ = limited.R.(Waiter)
	}
	for {
		if waiter != nil && limited.N > 0 {
			waiter.Await(w.rest)
		}
		n, err := src.Read(w.room())
		if n > 0 {
			if w.bodyless() {
				return total, http.ErrBodyNotAllowed
			}
			if w.left == 0 {
				return total, http.ErrContentLength
			}
			total += int64(n)
			w.wrote(n)
			if !w.head {
				w.n += n
			}
			if w.left != 0 && err == nil {
				w.send()
			}
		}
		switch {
		case w.err != nil:
			return total, w.err
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		}
	}
}

// room is where the next bytes of a source go. There is room even in a full
// frame once no byte is expected any more: one byte of the tail then serves to
// ask the source for its end.
func (w *Response) room() []byte {
	switch {
	case w.left == 0 || w.bodyless():
		return w.frame()[FrameHead+w.n:][:1]
	case w.n == FramePayload:
		w.send()
	}
	room := w.frame()[FrameHead+w.n : FrameHead+FramePayload]
	if w.left > 0 && int64(len(room)) > w.left {
		room = room[:w.left]
	}
	return room
}
