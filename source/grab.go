package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/cavaliergopher/grab/v3"

	"mirror"
)

// copyBuffer is the size of grab's copy buffer, in bytes. 128 KiB is where larger ones
// stopped to help on loopback; a hundred fetches have 13 MiB of them.
const copyBuffer = 128 << 10

// Fetch implements Source. The upstream is asked first; grab then drives the
// transfer of a good answer's body. It is told of nothing else, since what it
// would do itself, resuming above all, splices two versions of a file.
func (h *HTTP) Fetch(ctx context.Context, r Request) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !r.Line.isFor(h.URL(r.Path)) || r.Part != nil || r.Held != nil || r.Accept != "" {
		r.Line = nil
	}
	x := &exchange{h: h, r: r, ctx: ctx}
	x.first, x.hangUp = context.WithCancelCause(ctx)
	defer x.hangUp(nil)
	err := x.fetch()
	if x.segments != nil {
		x.hangUp(nil) // a worker may be reading
		x.segments.close()
	}
	if x.body != nil {
		x.body.Close()
	}
	if err != nil {
		return Result{Meta: x.meta}, x.failure(err)
	}
	return Result{Meta: x.meta, Unframed: x.unframed}, nil
}

// exchange is one attempt: to grab, its HTTPClient and RateLimiter.
type exchange struct {
	h      *HTTP
	r      Request
	ctx    context.Context         // of all requests
	first  context.Context         // of the first one
	hangUp context.CancelCauseFunc // ends that

	offset   int64       // what Part has
	meta     mirror.Meta // of the answer, once it was found good
	unframed bool
	ranges   bool          // the answer does not deny that ranges can be asked for
	offers   bool          // it says that they can
	toHeader time.Duration // what it took to come
	segments *segmented    // nil: there is but one connection
	body     *body         // stands before the first byte to append
	dst      *os.File      // what Start returned
	appended int64         // bytes since offset, by grab
}

func (x *exchange) fetch() error {
	var err error
	if x.offset, err = x.r.atHand(); err != nil {
		return err
	}
	hr, err := x.h.request(x.first, http.MethodGet, x.r.Path)
	if err != nil {
		return err
	}
	if x.r.Accept != "" {
		hr.Header.Set("Accept", x.r.Accept)
	}
	begun := time.Now()
	resp, err := x.ask(hr)
	if err != nil {
		return err
	}
	x.toHeader = time.Since(begun)
	if x.r.Line != nil && x.r.Line.toHeader > 0 {
		x.toHeader = x.r.Line.toHeader
	}
	if err := x.accept(resp); err != nil {
		return err
	}
	if x.offer() {
		return nil
	}
	head, err := x.show()
	if err != nil {
		return err
	}
	if err := x.start(); err != nil {
		return err
	}
	if err := x.appendHead(head); err != nil {
		return err
	}
	if err := x.transfer(hr); err != nil {
		return err
	}
	return x.whole()
}

// offer has Small take a small file: then its client waits for no disk. One that
// breaks off, or is not taken, goes the way of the others.
func (x *exchange) offer() (took bool) {
	if x.r.Small == nil || x.offset > 0 || !x.meta.IsSmall() {
		return false
	}
	b, err := readWhole(&exact{x: x, r: x.body.r, left: x.meta.Size}, int(x.meta.Size))
	if err == nil && x.r.Small(x.meta, b) {
		return true
	}
	x.body.r = io.MultiReader(bytes.NewReader(b), ended{err})
	return false
}

// firstBytes is how much First sees at most: enough to be the first bytes, and no more
// than passes quickly through a web server that reads them as one piece.
const firstBytes = 16 << 10

// show has First see what has come with the header of a larger file: then its client does
// not wait until there is something to append to. Where that fails, a full disk say, he
// goes on by ranges: of an upstream that does not offer them he has seen nothing yet, and
// may begin anew.
func (x *exchange) show() (head []byte, err error) {
	if x.r.First == nil || x.offset > 0 || x.meta.Size <= mirror.HoldBack || !x.offers {
		return nil, nil
	}
	head = make([]byte, firstBytes)
	n, err := x.body.Read(head)
	if n == 0 {
		return nil, err
	}
	if head = head[:n:n]; err != nil {
		x.body.r = ended{err}
	}
	x.r.First(x.meta, head)
	return head, nil
}

// appendHead appends what First was shown.
func (x *exchange) appendHead(head []byte) error {
	if len(head) == 0 {
		return nil
	}
	if _, err := x.dst.Write(head); err != nil {
		return err
	}
	return x.WaitN(x.ctx, len(head))
}

// ended is what is left of a body of which all has come: the end, or what broke it off.
type ended struct{ err error }

func (e ended) Read([]byte) (int, error) {
	if e.err == nil {
		return 0, io.EOF
	}
	return 0, e.err
}

// start opens what the body is appended to.
func (x *exchange) start() (err error) {
	if x.dst, err = x.r.Start(x.meta); err != nil {
		return &objection{err}
	}
	return nil
}

// transfer appends the body to dst: grab does, but for a small one.
func (x *exchange) transfer(hr *http.Request) error {
	if x.meta.Size >= 0 {
		rest := x.meta.Size - x.offset - x.appended
		if rest < 0 {
			return x.fail(mirror.ErrChanged, "is shorter than the %d bytes at hand", x.offset)
		}
		in := x.body.r
		if x.segments = x.segmented(in, rest); x.segments != nil {
			in = x.segments
		}
		x.body.r = &exact{x: x, r: in, left: rest}
		if rest <= mirror.HoldBack {
			return x.gather(int(rest))
		}
	}
	// A new request for every attempt: a used one carries its old Range.
	req := &grab.Request{
		HTTPRequest: hr,
		// The store has opened it below its os.Root: it must not be looked up
		// by name again.
		Filename:            fmt.Sprintf("/proc/self/fd/%d", x.dst.Fd()),
		NoCreateDirectories: true,
		IgnoreRemoteTime:    true,
		RateLimiter:         x,
	}
	client := &grab.Client{HTTPClient: x, UserAgent: userAgent, BufferSize: copyBuffer}
	return client.Do(req.WithContext(x.ctx)).Err()
}

// gather reads what is to come into memory, and appends it at once: nobody may read of it
// before it is whole, and opening the file once more, as grab does, costs more than the
// copy. Of a body that breaks off, what did arrive is appended: it is where to go on.
func (x *exchange) gather(rest int) error {
	b, err := readWhole(x.body, rest)
	if len(b) > 0 {
		if _, err := x.dst.Write(b); err != nil {
			return err
		}
		x.r.Wrote(len(b))
	}
	return err
}

// readWhole reads n bytes, and that there are no more. With an error it returns those
// that came.
func readWhole(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, n, n+1)
	got, err := io.ReadFull(r, b)
	if err == nil {
		if _, err = r.Read(b[n : n+1]); err == io.EOF {
			err = nil
		}
	}
	return b[:got], err
}

// exact is a body that has to end after left bytes, neither sooner nor later. It
// reads up to the end, so that the connection can be used again.
type exact struct {
	x    *exchange
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		var more [1]byte
		n, err := e.r.Read(more[:])
		if n > 0 {
			return 0, e.x.fail(mirror.ErrBroken, "is longer than it was said to be")
		}
		return 0, err
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	if e.left -= int64(n); err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if e.left == 0 && err == io.EOF {
		err = nil // it comes again
	}
	return n, err
}

// WaitN is called by grab after each append: the progress, for free.
func (x *exchange) WaitN(_ context.Context, n int) error {
	x.appended += int64(n)
	x.r.Wrote(n)
	if limit := x.r.MaxSize; limit > 0 && x.offset+x.appended > limit {
		return x.fail(mirror.ErrTooLarge, "is longer than limits.max_size, %d bytes", limit)
	}
	return nil
}

// Do implements grab.HTTPClient. The answer is here already: its rest is what
// grab adds to what the file has.
func (x *exchange) Do(hr *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Accept-Ranges": {"bytes"}},
		ContentLength: -1, Body: http.NoBody, Request: hr}
	if hr.Method == http.MethodHead {
		return resp, nil // grab asks whether it can resume: it always can
	}
	resp.Body = x.body
	if x.meta.Size >= 0 {
		resp.ContentLength = x.meta.Size - x.offset - x.appended
	}
	return resp, nil
}

// whole looks at the length on disk, the only one that counts.
func (x *exchange) whole() error {
	fi, err := x.dst.Stat()
	if err != nil {
		return storeError(err)
	}
	if x.meta.Size < 0 {
		x.meta.Size = fi.Size()
	}
	if fi.Size() != x.meta.Size {
		return x.fail(mirror.ErrBroken, "ended after %d of %d bytes", fi.Size(), x.meta.Size)
	}
	return nil
}

// fail is an error of the upstream's about the file.
func (x *exchange) fail(kind error, format string, args ...any) error {
	return x.h.fail(kind, x.r.Path, format, args...)
}

// failure gives an error of grab, the transport, the body or the disk its kind.
func (x *exchange) failure(err error) error {
	if cause := context.Cause(x.first); errors.Is(cause, mirror.ErrTimeout) && errors.Is(err, context.Canceled) {
		err = cause // the idle timer's
	}
	if known := withKind(err); known != nil {
		return known
	}
	switch {
	case noSpace(err): // grab says nothing of whose error it is
		return storeError(err)
	case errors.Is(err, mirror.ErrTimeout):
		return x.fail(mirror.ErrTimeout, "%v", err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, grab.ErrBadLength):
		return x.fail(mirror.ErrBroken, "the connection ended before the file did%s", x.h.meant(x.ctx, err))
	}
	var pe *os.PathError
	if errors.As(err, &pe) && !outOfFiles(err) {
		return storeError(err)
	}
	return x.h.transportError(x.ctx, x.r.Path, err)
}
