package cgienv

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// tape is a Wire that remembers.
type tape struct {
	frames []string // payloads, as they were sent
	ended  int
	whole  bool
	fail   error // what Send and End return
}

func (w *tape) Send(frame []byte) error {
	w.frames = append(w.frames, string(frame[FrameHead:]))
	return w.fail
}

func (w *tape) End(last []byte, whole bool) error {
	if cap(last)-len(last) < FrameTail {
		panic("the last frame has no room for its tail")
	}
	w.ended++
	w.whole = whole
	w.frames = append(w.frames, string(last[FrameHead:]))
	return w.fail
}

func (w *tape) String() string { return strings.Join(w.frames, "") }

// answer runs h for a request of the method.
func answer(method string, h func(w http.ResponseWriter)) (*tape, error) {
	w := new(tape)
	err := Answer(context.Background(), w, env("REQUEST_METHOD", method),
		func(rw http.ResponseWriter, _ *http.Request, _ map[string]string) { h(rw) })
	return w, err
}

const ok = "Status: 200 OK\r\n"

func TestResponse(t *testing.T) {
	length := func(w http.ResponseWriter, n string) { w.Header().Set("Content-Length", n) }
	for name, test := range map[string]struct {
		method string
		h      func(w http.ResponseWriter)
		want   string
		broken error
	}{
		"nothing":        {"GET", func(w http.ResponseWriter) {}, ok + "\r\n", nil},
		"body":           {"GET", func(w http.ResponseWriter) { io.WriteString(w, "<html>") }, ok + "\r\n<html>", nil},
		"informational":  {"GET", func(w http.ResponseWriter) { w.WriteHeader(103); w.WriteHeader(200) }, ok + "\r\n", nil},
		"second status":  {"GET", func(w http.ResponseWriter) { w.WriteHeader(200); w.WriteHeader(500) }, ok + "\r\n", nil},
		"header, late":   {"GET", func(w http.ResponseWriter) { w.WriteHeader(200); w.Header().Set("A", "b") }, ok + "\r\n", nil},
		"HEAD":           {"HEAD", func(w http.ResponseWriter) { length(w, "3"); io.WriteString(w, "abc") }, ok + "Content-Length: 3\r\n\r\n", nil},
		"HEAD, copied":   {"HEAD", func(w http.ResponseWriter) { length(w, "3"); io.Copy(w, strings.NewReader("abc")) }, ok + "Content-Length: 3\r\n\r\n", nil},
		"HEAD, no body":  {"HEAD", func(w http.ResponseWriter) { length(w, "3") }, ok + "Content-Length: 3\r\n\r\n", nil},
		"304":            {"GET", func(w http.ResponseWriter) { length(w, "3"); w.WriteHeader(304) }, "Status: 304 Not Modified\r\nContent-Length: 3\r\n\r\n", nil},
		"204":            {"GET", func(w http.ResponseWriter) { length(w, "3"); w.WriteHeader(204) }, "Status: 204 No Content\r\n\r\n", nil},
		"bad length":     {"GET", func(w http.ResponseWriter) { length(w, "-3"); io.WriteString(w, "abc") }, ok + "\r\nabc", nil},
		"exact":          {"GET", func(w http.ResponseWriter) { length(w, "3"); io.WriteString(w, "abc") }, ok + "Content-Length: 3\r\n\r\nabc", nil},
		"short":          {"GET", func(w http.ResponseWriter) { length(w, "3"); io.WriteString(w, "ab") }, ok + "Content-Length: 3\r\n\r\nab", ErrShort},
		"nothing of 3":   {"GET", func(w http.ResponseWriter) { length(w, "3") }, ok + "Content-Length: 3\r\n\r\n", ErrShort},
		"abort":          {"GET", func(w http.ResponseWriter) { w.(http.Flusher).Flush(); panic(http.ErrAbortHandler) }, ok + "\r\n", http.ErrAbortHandler},
		"length 0":       {"GET", func(w http.ResponseWriter) { length(w, "0"); io.Copy(w, strings.NewReader("")) }, ok + "Content-Length: 0\r\n\r\n", nil},
		"without status": {"GET", func(w http.ResponseWriter) { w.Header()[NoStatus] = nil; w.Header().Set("A", "b") }, "A: b\r\n\r\n", nil},
	} {
		w, err := answer(test.method, test.h)
		if !errors.Is(err, test.broken) || w.String() != test.want {
			t.Errorf("%s: got %q, %v; want %q, %v", name, w, err, test.want, test.broken)
		}
		if w.ended != 1 || w.whole != (test.broken == nil) {
			t.Errorf("%s: ended %d times, whole: %v", name, w.ended, w.whole)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	for name, test := range map[string]struct {
		code   int
		length string
		want   error
	}{
		"too long": {200, "3", http.ErrContentLength},
		"204":      {204, "", http.ErrBodyNotAllowed},
		"304":      {304, "9", http.ErrBodyNotAllowed},
	} {
		for how, write := range map[string]func(w http.ResponseWriter) (int64, error){
			"Write": func(w http.ResponseWriter) (int64, error) { n, err := w.Write([]byte("abcd")); return int64(n), err },
			"ReadFrom": func(w http.ResponseWriter) (int64, error) {
				return w.(io.ReaderFrom).ReadFrom(strings.NewReader("abcd"))
			},
		} {
			_, _ = answer("GET", func(w http.ResponseWriter) {
				if test.length != "" {
					w.Header().Set("Content-Length", test.length)
				}
				w.WriteHeader(test.code)
				if _, err := write(w); err != test.want {
					t.Errorf("%s, %s: %v, want %v", name, how, err, test.want)
				}
			})
		}
	}
}

// TestFrames checks what leaves when, for bodies around the size of a frame.
func TestFrames(t *testing.T) {
	for _, n := range []int{0, 1, FramePayload - 1, FramePayload, FramePayload + 1, 3*FramePayload + 5} {
		body := strings.Repeat("x", n)
		for name, h := range map[string]func(w http.ResponseWriter){
			"Write":         func(w http.ResponseWriter) { io.WriteString(w, body) },
			"ReadFrom":      func(w http.ResponseWriter) { io.Copy(w, strings.NewReader(body)) },
			"ReadFrom, 1/2": func(w http.ResponseWriter) { io.Copy(w, iotest.HalfReader(strings.NewReader(body))) },
			"ReadFrom, EOF with the data": func(w http.ResponseWriter) {
				io.Copy(w, iotest.DataErrReader(strings.NewReader(body)))
			},
		} {
			w, err := answer("GET", h)
			if _, got, _ := strings.Cut(w.String(), "\r\n\r\n"); err != nil || got != body {
				t.Errorf("%s, %d bytes: got %d, %v", name, n, len(got), err)
			}
			for i, f := range w.frames {
				if len(f) > FramePayload || len(f) == 0 && i < len(w.frames)-1 {
					t.Errorf("%s, %d bytes: frame %d has %d", name, n, i, len(f))
				}
			}
		}
	}
}

// TestSmallAnswerIsOneFrame is about speed: one system call.
func TestSmallAnswerIsOneFrame(t *testing.T) {
	w, err := answer("GET", func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "3")
		io.Copy(w, strings.NewReader("abc"))
	})
	if err != nil || len(w.frames) != 1 {
		t.Errorf("%q, %v", w.frames, err)
	}
}

func TestFlushAndGrowingSourceLeaveAtOnce(t *testing.T) {
	var seen []string
	tape := new(tape)
	look := func() { seen = append(seen, strings.Join(tape.frames, "")); tape.frames = nil }
	r, source := io.Pipe()
	go func() {
		source.Write([]byte("one"))
		source.Write([]byte("two")) // is read only after "one" was sent
		source.Close()
	}()
	err := Answer(context.Background(), tape, env(), func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
		w.(http.Flusher).Flush()
		look()
		io.Copy(w, readHook{r, look})
	})
	if err != nil || strings.Join(seen, "|") != ok+"\r\n||one|two" {
		t.Errorf("saw %q, %v", seen, err)
	}
}

// TestWaitingTakesNoBuffer: while a source is waited for, all that came has left and
// no frame is held; but nothing leaves, and a clean 500 stays possible, before the
// first bytes of a body are there.
func TestWaitingTakesNoBuffer(t *testing.T) {
	for _, pieces := range [][]string{{"", "one", "two"}, {"one", "two"}, {"", ""}} {
		tape := new(tape)
		err := Answer(context.Background(), tape, env(), func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
			r := w.(*Response)
			src := &waited{pieces: pieces}
			came := ""
			src.idle = func() {
				if came == "" && len(tape.frames) > 0 {
					t.Errorf("%q: %q has left before anything came", pieces, tape)
				}
				if came != "" && (r.buf != nil || !strings.HasSuffix(tape.String(), came)) {
					t.Errorf("%q: a buffer is held (%v) after %q, and %q has left", pieces, r.buf != nil, came, tape)
				}
				came += src.pieces[0]
			}
			w.Header().Set("Content-Length", "6")
			if _, err := io.CopyN(w, src, 6); err != nil {
				panic(http.ErrAbortHandler)
			}
		})
		whole := strings.Join(pieces, "") == "onetwo"
		if whole && (err != nil || tape.String() != ok+"Content-Length: 6\r\n\r\nonetwo") || !whole && !strings.HasPrefix(tape.String(), "Status: 500 ") {
			t.Errorf("%q: %q, %v", pieces, tape, err)
		}
	}
}

// waited is a Waiter that waits before each of its pieces.
type waited struct {
	pieces []string
	idle   func() // called after what Await was given
}

func (w *waited) Await(idle func()) {
	idle()
	if len(w.pieces) > 0 {
		w.idle()
	}
}

func (w *waited) Read(p []byte) (int, error) {
	if len(w.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, w.pieces[0])
	w.pieces = w.pieces[1:]
	return n, nil
}

// readHook calls before each read.
type readHook struct {
	io.Reader
	before func()
}

func (r readHook) Read(p []byte) (int, error) { r.before(); return r.Reader.Read(p) }

func TestSourceThatFailsAtItsEnd(t *testing.T) {
	rotten := errors.New("the digest is wrong")
	w, err := answer("GET", func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "4")
		_, err := io.Copy(w, io.MultiReader(strings.NewReader("good"), iotest.ErrReader(rotten)))
		if err != rotten {
			t.Errorf("the copy saw %v", err)
		}
		panic(http.ErrAbortHandler)
	})
	if strings.Contains(w.String(), "good") || !strings.HasPrefix(w.String(), "Status: 500 ") || err != http.ErrAbortHandler {
		t.Errorf("got %q, %v", w, err)
	}
}

func TestBrokenWire(t *testing.T) {
	w := &tape{fail: os.ErrDeadlineExceeded}
	err := Answer(context.Background(), w, env(), func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
		for range 3 {
			if n, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 2*FramePayload))); err != os.ErrDeadlineExceeded {
				t.Errorf("the copy saw %d, %v", n, err)
			}
		}
		if err := http.NewResponseController(w).Flush(); err != os.ErrDeadlineExceeded {
			t.Errorf("Flush saw %v", err)
		}
	})
	if err != os.ErrDeadlineExceeded || w.ended != 1 || w.whole || len(w.frames) != 2 {
		t.Errorf("%v; ended %d times, whole %v, %d frames", err, w.ended, w.whole, len(w.frames))
	}
}

func TestPanic(t *testing.T) {
	w, err := answer("GET", func(w http.ResponseWriter) {
		w.Header().Set(NoStatus, "1")
		io.WriteString(w, "lost")
		panic("on purpose")
	})
	var panicked *PanicError
	if !errors.As(err, &panicked) || panicked.Value != "on purpose" || !strings.Contains(string(panicked.Stack), "response_test.go") {
		t.Errorf("the error is %v", err)
	}
	if !strings.HasPrefix(w.String(), "Status: 500 ") || strings.Contains(w.String(), "lost") || !w.whole {
		t.Errorf("the client got %q", w)
	}
}

func TestWriteAfterTheEnd(t *testing.T) {
	var late http.ResponseWriter
	if _, err := answer("GET", func(w http.ResponseWriter) { late = w }); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Write([]byte("x")); err != errOver {
		t.Errorf("Write: %v", err)
	}
	if _, err := io.Copy(late, strings.NewReader("x")); err != errOver {
		t.Errorf("ReadFrom: %v", err)
	}
	late.(http.Flusher).Flush()
	late.WriteHeader(500)
}
