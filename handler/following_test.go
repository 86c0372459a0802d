package handler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"mirror/internal/gather"
	"mirror/internal/origin"
)

// A client has what has arrived, however little that is, while the rest does not come.
func TestFollowing(t *testing.T) {
	const there = 1000
	r := newRig(t, "")
	r.o.Set("/a", origin.File{Seed: 3, Size: 1 << 20})
	r.o.Behave("/a", origin.Behaviour{StallAfter: there})
	url := r.front(nil)
	for _, ranges := range []string{"", "bytes=0-65535"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		ask, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/m/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		if ranges != "" {
			ask.Header.Set("Range", ranges)
		}
		resp, err := http.DefaultClient.Do(ask)
		if err != nil {
			t.Fatalf("%q: %v", ranges, err)
		}
		defer resp.Body.Close()
		var got [there]byte
		if n, err := io.ReadFull(resp.Body, got[:]); err != nil || !bytes.Equal(got[:], origin.Bytes(3, 1<<20)[:there]) {
			t.Errorf("%q: %d bytes that are there have come, %v", ranges, n, err)
		}
	}
}

// What is on disk of a file that grows is handed on as pieces: each byte that was asked
// for once, and none beyond.
func TestFollowersAreSent(t *testing.T) {
	const size = 3 << 20
	r := newRig(t, "")
	want := origin.Bytes(5, size)
	for _, c := range []struct {
		header      []string
		first, last int
	}{{nil, 0, size - 1}, {[]string{"Range", "bytes=1000-1999999"}, 1000, 1_999_999}} {
		name := fmt.Sprintf("/%d-%d", c.first, c.last)
		r.o.Set(name, origin.File{Body: want})
		r.o.Behave(name, origin.Behaviour{Rate: 16 << 20})
		w := taking{ResponseRecorder: httptest.NewRecorder(), uncopied: new(int64)}
		ask := httptest.NewRequest(http.MethodGet, "/", nil)
		ask.RequestURI = "/m" + name
		for i := 0; i < len(c.header); i += 2 {
			ask.Header.Set(c.header[i], c.header[i+1])
		}
		r.h.Builtin().ServeHTTP(w, ask)
		if got := w.Body.Bytes(); !bytes.Equal(got, want[c.first:c.last+1]) {
			t.Errorf("%v: other bytes, %d of %d", c.header, len(got), c.last+1-c.first)
		}
		if *w.uncopied == 0 {
			t.Errorf("%v: all was copied", c.header)
		}
	}
}

// taking is a client that counts what it is given as pieces.
type taking struct {
	*httptest.ResponseRecorder
	uncopied *int64
}

func (w taking) ReadFrom(src io.Reader) (int64, error) {
	n, err := w.Body.ReadFrom(src)
	if _, ok := src.(*gather.Piece); ok {
		*w.uncopied += n
	}
	return n, err
}
