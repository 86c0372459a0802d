package cgi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"mirror/internal/cgienv"
)

func TestServe(t *testing.T) {
	env := []string{"REQUEST_METHOD=GET", "REQUEST_URI=/a%zz?q", "HTTP_HOST=h:81", "REQUEST_URI=/later", "nonsense"}
	var out bytes.Buffer
	err := Serve(env, &out, func(w http.ResponseWriter, r *http.Request, env map[string]string) {
		w.Header().Set("Content-Length", "100000")
		w.Header().Set("X-Seen", r.Method+" "+r.Host+" "+r.RequestURI+" "+env["HTTP_HOST"])
		io.Copy(w, strings.NewReader(strings.Repeat("x", 100000)))
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "Status: 200 OK\r\nContent-Length: 100000\r\nX-Seen: GET h:81 /a%zz?q h:81\r\n\r\n" + strings.Repeat("x", 100000)
	if out.String() != want {
		t.Errorf("got %.200q", out.String())
	}
}

func TestServeWithoutStatus(t *testing.T) {
	var out bytes.Buffer
	err := Serve([]string{"REQUEST_METHOD=GET", "REQUEST_URI=/"}, &out,
		func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
			w.Header().Set(cgienv.NoStatus, "1")
			w.Header().Set("Location", "/there")
		})
	if err != nil || out.String() != "Location: /there\r\n\r\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestServeRefuses(t *testing.T) {
	var out bytes.Buffer
	err := Serve([]string{"REQUEST_METHOD=GET"}, &out, nil)
	var refused *cgienv.RefusedError
	if !errors.As(err, &refused) || !strings.HasPrefix(out.String(), "Status: 400 Bad Request\r\n") {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// TestMain lets the test binary play the CGI process: only a process of its own
// has a file descriptor 1 whose SIGPIPE can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("GATEWAY_INTERFACE") == "" {
		goleak.VerifyTestMain(m) // exits
	}
	err := Serve(os.Environ(), os.Stdout, func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
		if r.RequestURI == "/panic" {
			panic("on purpose")
		}
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	if err != nil {
		os.Exit(3)
	}
	os.Exit(0)
}

func process(uri string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "REQUEST_URI=" + uri}
	return cmd
}

func TestClosedStdoutIsAnError(t *testing.T) {
	cmd := process("/endless")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1<<17)); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	err = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("the process ended with %v instead of seeing an error", err)
	}
}

func TestPanicIs500(t *testing.T) {
	cmd := process("/panic")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("exit: %v", err)
	}
	if !strings.HasPrefix(stdout.String(), "Status: 500 Internal Server Error\r\n") {
		t.Errorf("stdout: %q", stdout.String())
	}
	if !strings.Contains(stderr.String(), "on purpose\n") || !strings.Contains(stderr.String(), "cgi_test.go") {
		t.Errorf("stderr has no stack: %q", stderr.String())
	}
}
