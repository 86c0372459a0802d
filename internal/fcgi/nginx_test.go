package fcgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

func TestNginxKeepsTheConnection(t *testing.T) {
	var begun atomic.Int32
	path := startOn(t, &Server{Handler: echo}, func(l net.Listener) net.Listener { return countingListener{l, &begun} })
	url := fronts["nginx"].run(t, path)
	for i := range 10 {
		uri := fmt.Sprintf("/a//b/../%%41?%d", i)
		resp, err := browser(t).Get(url + uri)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != uri {
			t.Errorf("got %q for %q", body, uri)
		}
	}
	if n := begun.Load(); n != 1 {
		t.Errorf("10 requests took %d connections", n)
	}
}

type countingListener struct {
	net.Listener
	n *atomic.Int32
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	}
	return c, err
}

func TestNginxClientLeaves(t *testing.T) {
	h, entered, cause := blocking()
	url := fronts["nginx"].run(t, start(t, &Server{Handler: h}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	failed := make(chan error, 1)
	go func() {
		_, err := browser(t).Do(req)
		failed <- err
	}()
	wait(t, entered, "the handler")
	cancel()
	if err := wait(t, cause, "the cancellation"); err != errGone {
		t.Errorf("the context's cause is %v", err)
	}
	if err := wait(t, failed, "the client"); !errors.Is(err, context.Canceled) {
		t.Errorf("the client saw %v", err)
	}
}

// TestNginxSeesBrokenAnswers lets handlers fail at every point and looks at it
// with curl, whose exit code 18 is "partial file".
func TestNginxSeesBrokenAnswers(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal("curl is not installed: `make test` installs what the tests need")
	}
	url := fronts["nginx"].run(t, start(t, &Server{Handler: func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
		w.Header().Set("Content-Length", "300000")
		switch r.RequestURI {
		case "/early-panic":
			panic("early")
		case "/short":
			w.Write(make([]byte, 100))
		case "/late-panic":
			w.Write(make([]byte, 200000))
			panic("late")
		case "/abort":
			w.Write(make([]byte, 200000))
			panic(http.ErrAbortHandler)
		case "/whole":
			w.Write(make([]byte, 300000))
		}
	}}))
	for uri, want := range map[string]string{
		"/early-panic": "500 0",
		"/short":       "200 18",
		"/late-panic":  "200 18",
		"/abort":       "200 18",
		"/whole":       "200 0",
	} {
		out, err := exec.Command(curl, "-s", "-o", os.DevNull, "-m", "10", "-w", "%{http_code}", url+uri).Output()
		var exit *exec.ExitError
		code := 0
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if got := string(out) + " " + strconv.Itoa(code); got != want {
			t.Errorf("%s: status and exit code %s, want %s", uri, got, want)
		}
	}
}

func TestNginxHugeBody(t *testing.T) {
	url := fronts["nginx"].run(t, start(t, &Server{Handler: func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
		http.Error(w, "no", http.StatusMethodNotAllowed)
	}}))
	for range 3 {
		resp, err := browser(t).Post(url, "text/plain", strings.NewReader(strings.Repeat("x", 32<<20)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
}
