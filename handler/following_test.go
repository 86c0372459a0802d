package handler

import (
	"bytes"
	"context"
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
	server := httptest.NewUnstartedServer(r.h.Builtin())
	server.Listener, server.Config.ConnContext = gather.Listener(server.Listener), gather.Context
	server.Start()
	defer server.Close()
	defer server.CloseClientConnections()
	for _, ranges := range []string{"", "bytes=0-65535"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		ask, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/m/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		if ranges != "" {
			ask.Header.Set("Range", ranges)
		}
		resp, err := server.Client().Do(ask)
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
