package gather

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"mirror/internal/origin"
)

// Many send pieces of one file at the same time, on connections of a Listener and on others.
func TestPiece(t *testing.T) {
	const size = 4 << 20
	want := origin.Bytes(7, size)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h := func(w http.ResponseWriter, r *http.Request) {
		from, n := number(r, "from"), number(r, "n")
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		for end := from + n; from < end; { // in several, as of a file that grows
			sent, err := w.(io.ReaderFrom).ReadFrom(&Piece{File: file, Off: from, N: min(end-from, n/2+1)})
			if err != nil || sent <= 0 {
				t.Errorf("%d bytes sent of those from %d on: %v", sent, from, err)
				return
			}
			from += sent
		}
	}
	for name, asks := range map[string]func(path string) ([]byte, error){
		"Listener": func(path string) ([]byte, error) {
			_, b, err := newClient(t, h).ask(http.MethodGet, path)
			return b, err
		},
		"another": func(path string) ([]byte, error) {
			w := readerFrom{new(bytes.Buffer)}
			r, err := http.NewRequest(http.MethodGet, path, nil)
			h(w, r)
			return w.Bytes(), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for _, from := range []int{0, 1, 65537, size - 300_000} {
				wg.Go(func() {
					n := min(size-from, 3<<20)
					got, err := asks(fmt.Sprintf("/?from=%d&n=%d", from, n))
					if err != nil || !bytes.Equal(got, want[from:from+n]) {
						t.Errorf("%d bytes from %d on: got %d others, %v", n, from, len(got), err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func number(r *http.Request, name string) int64 {
	n, _ := strconv.ParseInt(r.FormValue(name), 10, 64)
	return n
}

// readerFrom is a writer that knows no sendfile.
type readerFrom struct{ *bytes.Buffer }

func (readerFrom) Header() http.Header { return http.Header{} }
func (readerFrom) WriteHeader(int)     {}

// Who reads nothing is sent no more than fits: then it can be seen whether the rest is
// still good.
func TestPieceForSlowClient(t *testing.T) {
	const size = 64 << 20 // more than a socket holds
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	first := make(chan int64, 1)
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		defer file.Close()
		w.Header().Set("Content-Length", strconv.Itoa(size))
		for from := int64(0); from < size; {
			n, err := w.(io.ReaderFrom).ReadFrom(&Piece{File: file, Off: from, N: size - from})
			if err != nil || n == 0 {
				t.Errorf("%d bytes sent after %d: %v", n, from, err)
				return
			}
			if from == 0 {
				first <- n
			}
			from += n
		}
	})
	resp, err := c.http.Get("http://one.example/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	select {
	case n := <-first:
		if n >= size {
			t.Errorf("all %d bytes were sent to who has read none", n)
		}
	case <-time.After(10 * time.Second):
		t.Error("to send a piece waits for who reads nothing")
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
		t.Errorf("%d bytes have come, %v", n, err)
	}
}

// A large file goes out in so many pieces that what each left to be collected would show:
// with 40 GB it was 6 MiB.
func TestPieceAllocatesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 4<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	const runs = 200
	counted := make(chan float64, 1)
	_, _, err := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		defer file.Close()
		w.Header().Set("Content-Length", strconv.Itoa((runs+1)*4<<10)) // the first run is not counted
		p := &Piece{File: file}
		counted <- testing.AllocsPerRun(runs, func() {
			p.Off, p.N = 0, 4<<10
			for p.N > 0 {
				if _, err := w.(io.ReaderFrom).ReadFrom(p); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}).ask(http.MethodGet, "/")
	if err != nil {
		t.Fatal(err)
	}
	if allocs := <-counted; allocs != 0 {
		t.Errorf("%v allocations a piece", allocs)
	}
}

// What cannot be sent is an error, and what is not there is less.
func TestPieceEndsEarly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, closed := range []bool{false, true} {
		type result struct {
			sent int64
			err  error
		}
		results := make(chan result, 1)
		c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			file, err := os.Open(path)
			if err != nil {
				t.Error(err)
			}
			defer file.Close()
			if closed {
				file.Close()
			}
			w.Header().Set("Content-Length", "100")
			sent, err := w.(io.ReaderFrom).ReadFrom(&Piece{File: file, Off: 1, N: 99})
			results <- result{sent, err}
		})
		_, b, err := c.ask(http.MethodGet, "/")
		if err == nil {
			t.Errorf("closed %t: the client has taken %q for whole", closed, b)
		}
		select {
		case r := <-results:
			if closed && r.err == nil || !closed && (r.sent != 4 || r.err != nil || string(b) != "hort") {
				t.Errorf("closed %t: sent %d, %v; got %q", closed, r.sent, r.err, b)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the handler did not end")
		}
	}
}

// Where sendfile(2) refuses a file, as on some file systems, it is copied.
func TestPieceWithoutSendfile(t *testing.T) {
	const path = "/proc/self/limits" // of which the kernel sends nothing
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		defer file.Close()
		w.Header().Set("Content-Length", strconv.Itoa(len(want)))
		if sent, err := w.(io.ReaderFrom).ReadFrom(&Piece{File: file, Off: 0, N: int64(len(want))}); err != nil || sent != int64(len(want)) {
			t.Errorf("%d of %d bytes sent: %v", sent, len(want), err)
		}
	}).ask(http.MethodGet, "/")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d of %d bytes, %v", len(got), len(want), err)
	}
}
