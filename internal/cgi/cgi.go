// Package cgi answers the one request that a CGI/1.1 process is started for (RFC
// 3875). It starts nothing and reads nothing that the request does not need: a
// process starts for every request, so its start is part of every answer.
package cgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"mirror/internal/cgienv"
)

// Serve answers the request in env, a list of NAME=value as os.Environ gives it,
// on stdout. h, its writer and the key [cgienv.NoStatus] work as they do under
// FastCGI. The request's body is left unread on stdin: none is ever used.
//
// The error is about an answer that went wrong after the web server was told what
// it could be told; the process should exit with a failure. It is one of those of
// [cgienv.Answer], and http.ErrAbortHandler means that h has said everything
// already. A panic's stack goes to stderr, which web servers put into their log.
//
// From then on the process survives SIGPIPE. It must be called once.
func Serve(env []string, stdout io.Writer, h func(w http.ResponseWriter, r *http.Request, env map[string]string)) error {
	survivePipe()
	err := cgienv.Answer(context.Background(), wire{stdout}, environ(env), h)
	var panicked *cgienv.PanicError
	if errors.As(err, &panicked) {
		fmt.Fprintf(os.Stderr, "%v\n%s", panicked, panicked.Stack)
	}
	return err
}

// survivePipe turns a write to a closed pipe into an error. When its client
// leaves, Apache's mod_cgid closes our stdout before we hear of it, and Go ends a
// process that gets SIGPIPE from file descriptor 1 or 2, although the download
// should go on for the others who wait for it.
//
// The signal is caught rather than ignored because a child process (rsync)
// would inherit the ignoring, but starts with the default when it was caught.
func survivePipe() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}

// environ makes a map of NAME=value. Of a name that occurs twice the first value
// counts, as it does for getenv.
func environ(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, entry := range list {
		name, value, ok := strings.Cut(entry, "=")
		if _, known := env[name]; ok && !known {
			env[name] = value
		}
	}
	return env
}

// wire is a cgienv.Wire: the payloads one after the other. How a broken answer
// shows is up to its Content-Length.
type wire struct{ stdout io.Writer }

func (w wire) Send(frame []byte) error {
	_, err := w.stdout.Write(frame[cgienv.FrameHead:])
	return err
}

func (w wire) End(last []byte, _ bool) error {
	if len(last) == cgienv.FrameHead {
		return nil
	}
	return w.Send(last)
}
