package source

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"mirror"
)

// transportError tells silence from breakage.
func (h *HTTP) transportError(ctx context.Context, path mirror.Name, err error) error {
	var own *Error
	var timeout net.Error
	switch {
	case errors.As(err, &own):
		return own
	case ctx.Err() != nil: // given up by whoever asked, for a reason of its own
		cause := context.Cause(ctx)
		return &Error{Kind: cause, Upstream: h.name, Path: path, Cause: cause.Error()}
	case errors.Is(err, errDirectory):
		return h.fail(mirror.ErrIsDirectory, path, "%v", errDirectory)
	}
	meant := h.meant(ctx, err)
	var u *url.Error // its text repeats the URL, and has the credentials
	if errors.As(err, &u) {
		err = u.Err
	}
	if outOfFiles(err) {
		return h.fail(mirror.ErrBusy, path, "cannot be asked for: %v: raise the limit of open files", err)
	}
	e := h.fail(mirror.ErrBroken, path, "%s%s", trusted(err), meant)
	if errors.As(err, &timeout) && timeout.Timeout() {
		e = h.fail(mirror.ErrTimeout, path, "no answer in time (%v)", err)
	}
	e.wire = true
	return e
}

// trusted is the text of an error, with what to do about a CA that nobody knows here.
func trusted(err error) string {
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return err.Error() + ": add its CA to those of the machine, or name a file with it in SSL_CERT_FILE"
	}
	return err.Error()
}

// outOfFiles: the descriptors of the process, or of the machine, are used up.
func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// statusError is the meaning of every status that is not the file.
func (h *HTTP) statusError(path mirror.Name, resp *http.Response) error {
	kind := mirror.ErrBroken
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone, http.StatusNotAcceptable: // the last, of what was asked for by its type
		kind = mirror.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		kind = mirror.ErrRefused
	case http.StatusTooManyRequests:
		kind = mirror.ErrBusy
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		kind = mirror.ErrTimeout
	}
	e := h.fail(kind, path, "answered %s", statusOf(resp))
	if resp.StatusCode == http.StatusBadRequest && resp.Request.URL.Host == h.base.Host {
		e.Cause += h.meantTLS(resp.Request.Context())
	} else {
		h.scheme.answers()
	}
	e.status, e.RetryAfter = resp.StatusCode, retryAfter(resp)
	if resp.Request.URL.Host != h.base.Host {
		e.Cause += " after a redirect to " + resp.Request.URL.Host
	}
	return e
}

// statusOf is a status in our words: an upstream's own may repeat a password.
func statusOf(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
}

func (h *HTTP) fail(kind error, path mirror.Name, format string, args ...any) *Error {
	return &Error{Kind: kind, Upstream: h.name, Path: path, Cause: fmt.Sprintf(format, args...)}
}
