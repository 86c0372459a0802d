package source

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"syscall"
)

// twice asks once more, at once, where a connection breaks before the header of the answer
// is whole: all that is asked here may be (RFC 9110, 9.2.2), and a server that restarts, or
// a balancer that takes a machine away, breaks a connection and takes the next. net/http does
// so itself only where the connection was used before and no byte of an answer has come.
//
// Whoever refuses, or is silent, has said so, and is not asked again. A body that breaks off
// is gone on with (fetch's rounds), and extra connections have a rule of their own.
type twice struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t twice) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil && hungUp(err) && r.Context().Err() == nil {
		return t.RoundTripper.RoundTrip(r)
	}
	return resp, err
}

// hungUp reports whether err is the end of a connection that there was. Where that comes in
// the middle of a header's line, net/http says that the line is none.
func hungUp(err error) bool {
	var line textproto.ProtocolError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &line) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
