package source

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"mirror/internal/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// over returns the source of base; change, if not nil, changes its options. No
// host is configured unless change says so.
func over(t *testing.T, base string, change func(*HTTPOptions)) *HTTP {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	var o HTTPOptions
	if change != nil {
		change(&o)
	}
	transport := NewTransport(o)
	t.Cleanup(transport.CloseIdleConnections)
	return NewHTTP(u, transport, o)
}

// configured makes these origins upstreams of the configuration.
func configured(list ...*origin.Origin) func(*HTTPOptions) {
	return func(o *HTTPOptions) {
		o.Configured = make(map[string]bool)
		for _, up := range list {
			o.Configured[up.Addr] = true
		}
	}
}

// answers is a transport that knows one answer.
type answers struct {
	status int
	header map[string]string
	length int64
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{
		StatusCode: a.status, Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: http.NoBody, ContentLength: a.length, Request: r,
	}
	for name, value := range a.header {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

// answering returns the source of an upstream that answers everything alike.
func answering(t *testing.T, a answers) *HTTP {
	t.Helper()
	u, err := url.Parse("http://one.example/m/")
	if err != nil {
		t.Fatal(err)
	}
	return NewHTTP(u, a, HTTPOptions{})
}
