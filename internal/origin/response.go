package origin

import (
	"fmt"
	"net/http"
	"time"
)

// response is the http.ResponseWriter through which every answer leaves. It
// falsifies the header, then cuts, stalls, slows and counts the body.
type response struct {
	http.ResponseWriter
	o     *Origin
	r     *http.Request
	b     Behaviour
	entry *Request
	gates []*gate

	begun bool
	sent  int64
}

// WriteHeader sends the header, with the lies that were asked for.
func (out *response) WriteHeader(status int) {
	if out.begun {
		return
	}
	out.begun = true
	b, header := out.b, out.Header()
	if b.NoRanges {
		header.Del("Accept-Ranges")
	}
	if status == http.StatusPartialContent && (b.RangeShift != 0 || b.TotalShift != 0) {
		var start, end, total int64
		if n, _ := fmt.Sscanf(header.Get("Content-Range"), "bytes %d-%d/%d", &start, &end, &total); n == 3 {
			header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start+b.RangeShift, end+b.RangeShift, total+b.TotalShift))
		}
	}
	if b.GzipLabel {
		header.Set("Content-Encoding", "gzip")
	}
	if b.Chunked || b.CloseDelimited {
		header.Del("Content-Length")
	}
	if b.CloseDelimited && out.r.ProtoMajor == 1 {
		// net/http takes "identity" as: no chunks, the close is the end.
		header.Set("Transfer-Encoding", "identity")
		header.Set("Connection", "close")
	}
	for name, value := range b.Header {
		if value == "" {
			header.Del(name)
		} else {
			header.Set(name, value)
		}
	}
	out.o.records.status(out.entry, status)
	out.ResponseWriter.WriteHeader(status)
	if b.Chunked || b.CloseDelimited || b.CutAtOnce {
		// Else net/http would count a short body and send its length.
		out.flush()
	}
	if b.CutAtOnce {
		panic(http.ErrAbortHandler)
	}
	out.reach()
}

// Write sends p in pieces that end exactly where something has to happen.
func (out *response) Write(p []byte) (int, error) {
	if !out.begun {
		out.WriteHeader(http.StatusOK)
	}
	written := 0
	for len(p) > 0 {
		piece := p[:min(int64(len(p)), out.room())]
		begin := time.Now()
		n, err := out.ResponseWriter.Write(piece)
		out.sent += int64(n)
		out.o.records.sent(out.entry, n)
		written += n
		if err != nil {
			return written, err
		}
		if out.b.Rate > 0 {
			out.flush()
			out.pause(time.Duration(float64(n)/float64(out.b.Rate)*float64(time.Second)) - time.Since(begin))
		}
		out.reach()
		p = p[n:]
	}
	return written, nil
}

// marks are the positions, in bytes of body, where something has to happen.
func (out *response) marks() []int64 {
	marks := []int64{out.b.CutAfter, out.b.StallAfter, out.b.ChangeAfter}
	for _, g := range out.gates {
		marks = append(marks, g.after)
	}
	return marks
}

// room is how many bytes may be sent before the next mark; with a rate, at most
// a fiftieth of a second's worth, so that the flow is even.
func (out *response) room() int64 {
	room := int64(1 << 20)
	if out.b.Rate > 0 {
		room = max(1, out.b.Rate/50)
	}
	for _, mark := range out.marks() {
		if mark > out.sent {
			room = min(room, mark-out.sent)
		}
	}
	return room
}

// reach does what has to be done at exactly this many bytes.
func (out *response) reach() {
	b := out.b
	if b.ChangeTo != nil && b.ChangeAfter == out.sent {
		out.o.Set(out.r.URL.Path, *b.ChangeTo)
	}
	for _, g := range out.gates {
		if g.after == out.sent {
			out.flush()
			if !out.o.wait(out.r.Context(), g.open) {
				panic(http.ErrAbortHandler)
			}
		}
	}
	if b.StallAfter > 0 && b.StallAfter == out.sent {
		out.flush()
		out.o.wait(out.r.Context(), nil)
		panic(http.ErrAbortHandler)
	}
	if b.CutAfter > 0 && b.CutAfter == out.sent {
		out.flush()
		panic(http.ErrAbortHandler)
	}
}

func (out *response) flush() {
	// The error is the connection's, and the next Write reports it.
	_ = http.NewResponseController(out.ResponseWriter).Flush()
}

// pause waits for d, or ends the response when nobody listens any more.
func (out *response) pause(d time.Duration) {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-out.r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-out.o.closed:
		panic(http.ErrAbortHandler)
	}
}
