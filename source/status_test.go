package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// ways are the three ways to ask a source for a file that want describes.
var ways = map[string]func(t *testing.T, s Source, path mirror.Name, want mirror.Meta) error{
	"Fetch": func(t *testing.T, s Source, path mirror.Name, _ mirror.Meta) error {
		t.Helper()
		_, err := s.Fetch(t.Context(), newAttempt(t, path, nil).Request)
		return err
	},
	"Stat": func(t *testing.T, s Source, path mirror.Name, _ mirror.Meta) error {
		t.Helper()
		_, err := s.Stat(t.Context(), path)
		return err
	},
	"Range": func(t *testing.T, s Source, path mirror.Name, want mirror.Meta) error {
		t.Helper()
		body, err := s.Range(t.Context(), path, 0, want.Size-1, want)
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.Copy(io.Discard, body)
		return err
	},
}

// TestStatusKinds holds every status to what it means, whatever was asked.
func TestStatusKinds(t *testing.T) {
	for status, kind := range map[int]error{
		http.StatusNotFound:                   mirror.ErrNotFound,
		http.StatusGone:                       mirror.ErrNotFound,
		http.StatusUnauthorized:               mirror.ErrRefused,
		http.StatusForbidden:                  mirror.ErrRefused,
		http.StatusProxyAuthRequired:          mirror.ErrRefused,
		http.StatusTooManyRequests:            mirror.ErrBusy,
		http.StatusRequestTimeout:             mirror.ErrTimeout,
		http.StatusGatewayTimeout:             mirror.ErrTimeout,
		http.StatusBadRequest:                 mirror.ErrBroken,
		http.StatusTeapot:                     mirror.ErrBroken,
		http.StatusUnavailableForLegalReasons: mirror.ErrBroken,
		http.StatusInternalServerError:        mirror.ErrBroken,
		http.StatusNotImplemented:             mirror.ErrBroken,
		http.StatusBadGateway:                 mirror.ErrBroken,
		http.StatusServiceUnavailable:         mirror.ErrBroken,
		http.StatusMultipleChoices:            mirror.ErrBroken,
		http.StatusNotModified:                mirror.ErrBroken, // nobody asked conditionally
		599:                                   mirror.ErrBroken,
		999:                                   mirror.ErrBroken,
	} {
		h := answering(t, answers{status: status, header: map[string]string{"Retry-After": "120"}})
		for method, ask := range ways {
			err := ask(t, h, "a b", mirror.Meta{Size: 10})
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, kind) {
				t.Errorf("%s, %d: error %v, want %v", method, status, err, kind)
				continue
			}
			if e.Upstream != "http://one.example/m/" || e.Path != "a b" || e.RetryAfter != 2*time.Minute {
				t.Errorf("%s, %d: %+v", method, status, e)
			}
			if !strings.HasPrefix(err.Error(), "http://one.example/m/a%20b: ") {
				t.Errorf("%s, %d: the error does not begin with the URL: %v", method, status, err)
			}
		}
	}
}

// TestNoContent: an answer that is well and yet no file.
func TestNoContent(t *testing.T) {
	for _, status := range []int{http.StatusCreated, http.StatusNoContent, http.StatusPartialContent} {
		h := answering(t, answers{status: status})
		if err := ways["Fetch"](t, h, "x", mirror.Meta{}); !errors.Is(err, mirror.ErrBroken) {
			t.Errorf("Fetch, %d: error %v", status, err)
		}
	}
}

// TestRefusalElsewhere: who refuses after a redirect is named.
func TestRefusalElsewhere(t *testing.T) {
	from, to := origin.New(t), origin.New(t)
	from.Behave("/x", origin.Behaviour{Redirect: to.URL + "/there"})
	h := over(t, from.URL+"/", configured(from, to))
	_, err := h.Stat(t.Context(), "x")
	var e *Error
	if !errors.As(err, &e) || e.Kind != mirror.ErrNotFound || !strings.Contains(e.Cause, to.Addr) {
		t.Errorf("error %v", err)
	}
}

// TestNoCredentials: user and password go to the upstream, and nowhere else.
func TestNoCredentials(t *testing.T) {
	up, other := origin.New(t), origin.New(t)
	up.Set("/x", origin.File{Seed: 1, Size: 10})
	other.Set("/x", origin.File{Seed: 1, Size: 10})
	h := over(t, strings.Replace(up.URL, "http://", "http://user:secret@", 1)+"/", configured(up, other))
	if err := ways["Fetch"](t, h, "x", mirror.Meta{}); err != nil {
		t.Fatal(err)
	}
	if got := up.Requests()[0].Header.Get("Authorization"); got == "" {
		t.Error("the upstream does not get them")
	}
	for _, text := range []string{h.String(), h.URL("x")} {
		if strings.Contains(text, "user") || strings.Contains(text, "secret") {
			t.Errorf("%q tells them", text)
		}
	}
	up.Behave("/x", origin.Behaviour{Redirect: other.URL + "/x"})
	if err := ways["Fetch"](t, h, "x", mirror.Meta{}); err != nil {
		t.Fatal(err)
	}
	if got := other.Requests()[0].Header.Get("Authorization"); got != "" {
		t.Error("another port of the same host gets them, too")
	}
	up.Behave("/x", origin.Behaviour{Status: http.StatusForbidden})
	if err := ways["Fetch"](t, h, "x", mirror.Meta{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
	up.Down()
	if err := ways["Fetch"](t, h, "x", mirror.Meta{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

// TestSilence: an upstream that says nothing is a timeout, one whose client
// has gone is not.
func TestSilence(t *testing.T) {
	up := origin.New(t)
	up.Behave("/x", origin.Behaviour{Silent: true})
	h := over(t, up.URL+"/", func(o *HTTPOptions) {
		configured(up)(o)
		o.Header = 50 * time.Millisecond
	})
	for method, ask := range ways {
		if err := ask(t, h, "x", mirror.Meta{Size: 10}); !errors.Is(err, mirror.ErrTimeout) {
			t.Errorf("%s: error %v, want a timeout", method, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Stat(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
