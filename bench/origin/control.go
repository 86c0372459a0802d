package origin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Count is what the origin was asked for.
type Count struct {
	Requests int
	Asked    int64 // bytes of the bodies that were asked for
	Sent     int64 // bytes of them until whoever asked left
}

// tally counts by path.
type tally struct {
	mu    sync.Mutex
	paths map[string]Count // guarded by mu
}

// add counts for path.
func (t *tally) add(path string, c Count) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.paths == nil {
		t.paths = make(map[string]Count)
	}
	sum := t.paths[path]
	t.paths[path] = Count{sum.Requests + c.Requests, sum.Asked + c.Asked, sum.Sent + c.Sent}
}

// control answers at the second address:
//
//	POST /set?rate=20000000&delay=50ms   from now on, until the next; absent: none
//	POST /set?line=50000000              likewise: of all connections together
//	POST /reset                          forget the counts
//	GET  /counts                         {"path": {"Requests": 1, ...}, ...}
func (s *server) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /set", func(w http.ResponseWriter, r *http.Request) {
		var rate, line int64
		var delay time.Duration
		var err error
		if v := r.FormValue("rate"); v != "" {
			_, err = fmt.Sscan(v, &rate)
		}
		if v := r.FormValue("line"); v != "" && err == nil {
			_, err = fmt.Sscan(v, &line)
		}
		if v := r.FormValue("delay"); v != "" && err == nil {
			delay, err = time.ParseDuration(v)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.rate.Store(rate)
		s.delay.Store(int64(delay))
		s.line.set(line)
	})
	mux.HandleFunc("POST /reset", func(http.ResponseWriter, *http.Request) {
		s.counts.mu.Lock()
		defer s.counts.mu.Unlock()
		s.counts.paths = nil
	})
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) {
		s.counts.mu.Lock()
		defer s.counts.mu.Unlock()
		_ = json.NewEncoder(w).Encode(s.counts.paths) // the client sees what is missing
	})
	return mux
}
