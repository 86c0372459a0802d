package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"mirror"
)

// userAgent is what upstreams see.
const userAgent = "mirror-cgi/1"

// maxRedirects is what curl and browsers are near to; a longer chain is a loop.
const maxRedirects = 10

// HTTPOptions is how an HTTP upstream is spoken to.
type HTTPOptions struct {
	Connect      time.Duration // for the TCP and the TLS handshake, each
	Header       time.Duration // from the request to the answer's header
	Idle         time.Duration // without a byte of a body
	LowSpeed     int64         // bytes a second; below it for LowSpeedTime the upstream is given up
	LowSpeedTime time.Duration // 0: any speed will do

	RedirectToHTTP    bool // follow https -> http
	RedirectToPrivate bool // follow to private addresses
	// Configured are the "host:port" of all configured upstreams: they may
	// have private addresses, other hosts may not.
	Configured map[string]bool

	TLS *tls.Config // nil: the system's roots

	// Extra is for what is asked for beside a connection that is too slow; see
	// NewExtraTransport. nil: nothing is.
	Extra http.RoundTripper

	Zone *time.Location // of the times in listings that do not say; nil: unknown
}

// NewTransport returns the connection pool that upstreams with the same
// options share.
func NewTransport(o HTTPOptions) *http.Transport {
	return &http.Transport{
		// Never from the environment: under CGI a client sets HTTP_PROXY.
		Proxy:                 nil,
		DialContext:           dialer(o),
		TLSClientConfig:       o.TLS,
		TLSHandshakeTimeout:   o.Connect,
		ResponseHeaderTimeout: o.Header,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // a mirror keeps the bytes as they are
		MaxIdleConnsPerHost:   32,   // twice the default of limits.per_upstream
		IdleConnTimeout:       90 * time.Second,
		ReadBufferSize:        64 << 10,
	}
}

// NewExtraTransport returns the pool of connections that are used beside others of
// NewTransport, to the same upstreams by the same rules. It speaks HTTP/1.1 only:
// with HTTP/2 all requests would share one connection, and its limit.
func NewExtraTransport(o HTTPOptions) *http.Transport {
	t := NewTransport(o)
	t.ForceAttemptHTTP2 = false
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig != nil {
		t.TLSClientConfig = t.TLSClientConfig.Clone() // the other one's gets h2
		t.TLSClientConfig.NextProtos = nil
	}
	return t
}

// HTTP is the Source of an http or https upstream.
type HTTP struct {
	base      *url.URL // its path ends with a slash
	name      string
	opts      HTTPOptions
	transport http.RoundTripper
	client    *http.Client // over transport, twice where a connection breaks
	extra     *http.Client // over Extra
	scheme    scheme
	store     atomic.Bool // it turned out to be an object store

	tolerance tolerance
	slice     time.Duration // for how long a rate is measured, at least
}

// NewHTTP returns the source of base over transport.
func NewHTTP(base *url.URL, transport http.RoundTripper, o HTTPOptions) *HTTP {
	public := *base
	public.User = nil
	h := &HTTP{base: base, name: public.String(), opts: o, transport: transport, slice: sliceLeast}
	h.client = &http.Client{Transport: twice{transport}, CheckRedirect: h.checkRedirect}
	h.extra = &http.Client{Transport: o.Extra, CheckRedirect: h.checkRedirect}
	return h
}

func (h *HTTP) String() string { return h.name }

// URL implements Source.
func (h *HTTP) URL(path mirror.Name) string { return h.name + path.Escape() }

// errDirectory stops at a redirect from name to name/.
var errDirectory = errors.New("the upstream redirects to the same path with a slash")

// redirectBody is how long the body of a redirect is waited for, and redirectMost how
// much of it is read, in bytes: as much as net/http would.
const (
	redirectBody = time.Second
	redirectMost = 2 << 10
)

// passOver reads the body of a redirect, so that its connection can be used again, if
// that body comes: net/http would wait for it without end.
func passOver(resp *http.Response) {
	body := resp.Body
	resp.Body = http.NoBody
	if body != http.NoBody && resp.ContentLength <= redirectMost {
		read := make(chan struct{})
		go func() {
			io.CopyN(io.Discard, body, redirectMost)
			close(read)
		}()
		late := time.NewTimer(redirectBody)
		defer late.Stop()
		select {
		case <-read:
		case <-late.C:
		}
	}
	body.Close()
}

func (h *HTTP) checkRedirect(next *http.Request, via []*http.Request) error {
	passOver(next.Response)
	last := via[len(via)-1].URL
	next.Header.Del("Referer") // whom we asked first is nobody else's business
	if next.URL.Scheme != h.base.Scheme || next.URL.Host != h.base.Host {
		next.Header.Del("Authorization") // net/http lets it go to other ports
	}
	isDir := func(r *http.Request) bool { return next.URL.Path == r.URL.Path+"/" }
	switch {
	case slices.ContainsFunc(via, isDir):
		return errDirectory
	case len(via) >= maxRedirects:
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return fmt.Errorf("the upstream redirects to %s, which is neither http nor https", next.URL.Scheme)
	case last.Scheme == "https" && next.URL.Scheme == "http" && !h.opts.RedirectToHTTP:
		return fmt.Errorf("the upstream redirects from https to http (%s); allow it with redirect_to_http", next.URL.Host)
	}
	return nil
}

// request builds a request for path; the query is never sent.
func (h *HTTP) request(ctx context.Context, method string, path mirror.Name) (*http.Request, error) {
	u := *h.base
	u.Path = h.base.Path + string(path)
	u.RawPath = h.base.EscapedPath() + path.Escape()
	u.User = nil
	r, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, h.fail(mirror.ErrBroken, path, "cannot be asked for: %v", err)
	}
	if user := h.base.User; user != nil {
		pass, _ := user.Password()
		r.SetBasicAuth(user.Username(), pass)
	}
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept-Encoding", "identity")
	return r, nil
}

// Stat implements Source with HEAD; servers that refuse it are asked for the
// first byte.
func (h *HTTP) Stat(ctx context.Context, path mirror.Name) (mirror.Meta, error) {
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		r, err := h.request(ctx, method, path)
		if err != nil {
			return mirror.Meta{}, err
		}
		if method == http.MethodGet {
			r.Header.Set("Range", "bytes=0-0")
		}
		resp, err := h.client.Do(r)
		if err != nil {
			return mirror.Meta{}, h.transportError(ctx, path, err)
		}
		resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			return h.metaOf(resp, resp.ContentLength), nil
		case http.StatusPartialContent:
			_, _, total, err := contentRange(resp)
			if err != nil {
				return mirror.Meta{}, h.fail(mirror.ErrBroken, path, "%v", err)
			}
			return h.metaOf(resp, total), nil
		case http.StatusRequestedRangeNotSatisfiable: // an empty file has no first byte
			if method == http.MethodGet && resp.Header.Get("Content-Range") == "bytes */0" {
				return h.metaOf(resp, 0), nil
			}
		case http.StatusMethodNotAllowed, http.StatusNotImplemented:
			if method == http.MethodHead {
				continue
			}
		}
		return mirror.Meta{}, h.statusError(path, resp)
	}
	panic("unreachable")
}

// Range implements Source.
func (h *HTTP) Range(ctx context.Context, path mirror.Name, first, last int64, pin mirror.Meta) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	b, err := h.rangeOver(ctx, cancel, h.client, path, first, last, pin)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	b.done = func() { cancel(nil) }
	return b, nil
}

// rangeOver is Range by this client. Who calls it cancels ctx in the end; a body
// that is silent or slow does so, too.
func (h *HTTP) rangeOver(ctx context.Context, cancel context.CancelCauseFunc, client *http.Client, path mirror.Name, first, last int64, pin mirror.Meta) (*body, error) {
	r, err := h.request(ctx, http.MethodGet, path)
	if err != nil {
		return nil, err
	}
	whole := first == 0 && (pin.Size < 0 || last == pin.Size-1)
	if !whole {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", first, last))
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, h.transportError(ctx, path, err)
	}
	if err := h.checkRange(resp, path, first, last, whole, pin); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return h.newBody(resp.Body, cancel), nil
}

// checkRange takes an answer only if its body is the range, or the whole of the file, and
// of the version that pin describes.
func (h *HTTP) checkRange(resp *http.Response, path mirror.Name, first, last int64, whole bool, pin mirror.Meta) error {
	total := resp.ContentLength
	switch {
	case whole && resp.StatusCode == http.StatusOK:
	case resp.StatusCode == http.StatusPartialContent && !whole:
		gotFirst, gotLast, t, err := contentRange(resp)
		if err != nil || gotFirst != first || gotLast != last {
			return h.fail(mirror.ErrBroken, path, "asked for bytes %d-%d, the answer says %q", first, last, resp.Header.Get("Content-Range"))
		}
		total = t
	case resp.StatusCode < 300, resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return h.fail(mirror.ErrChanged, path, "does not answer a range (%s)", statusOf(resp))
	default:
		return h.statusError(path, resp)
	}
	if e := encoding(resp); e != "" && !describes(e, path) {
		return h.fail(mirror.ErrBroken, path, "is sent with Content-Encoding %s", e)
	}
	if why := offPin(pin, h.metaOf(resp, total), first, last); why != "" {
		e := h.fail(mirror.ErrChanged, path, "%s", why)
		e.other = true
		return e
	}
	if IsHTML(resp.Header.Get("Content-Type")) && !IsHTML(pin.ContentType) {
		return h.fail(mirror.ErrBroken, path, "an HTML page came for a file of type %q (a captive portal?)", pin.ContentType)
	}
	return nil
}
