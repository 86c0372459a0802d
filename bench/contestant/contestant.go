// Package contestant starts what the benchmark compares: each in an empty
// directory of its own, ready to serve the origin's files over HTTP.
package contestant

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"mirror/bench/proc"
)

// Setup is what contestants are made of.
type Setup struct {
	Group  *proc.Group
	Repo   string // this module's directory, for deploy/
	Daemon string // the binary of mirror-fcgi
	CGI    string // the binary of mirror-cgi
	Nginx  string // the binary of nginx
	Origin string // "host:port"
}

// Running is a contestant that runs.
type Running struct {
	Kind Kind
	// Addr is what stands before a path in its URLs: "host:port", and for
	// apt-cacher-ng the origin's as well.
	Addr string

	// Daemon is mirror-fcgi, Front its web server or the peer; nil where there is
	// none.
	Daemon, Front *proc.Process
	floor         *proc.Process

	// docroot is where a file stands under its own name once it is published;
	// empty where that is not the way.
	docroot string
	setup   *Setup
	dir     string

	connections int                 // of ours to an upstream; 0: the default
	as          *syscall.Credential // whom its processes run as; nil: as we do
}

// readyTime bounds how long a server may take until it accepts connections.
const readyTime = 20 * time.Second

// Start starts kind in dir, which is empty. Stop it, also after an error.
func (s *Setup) Start(ctx context.Context, kind Kind, dir string) (*Running, error) {
	r := &Running{Kind: kind, setup: s, dir: dir}
	start, ok := starts[kind]
	if !ok {
		return r, fmt.Errorf("there is no contestant %q", kind)
	}
	if err := start(r, ctx); err != nil {
		return r, fmt.Errorf("%s cannot be started: %w", kind, err)
	}
	return r, nil
}

// Stop ends its processes.
func (r *Running) Stop() {
	for _, p := range []*proc.Process{r.Front, r.Daemon, r.floor} {
		if p != nil {
			p.Stop()
		}
	}
}

// drop makes r's processes run as nobody if we are root: the peers refuse to be
// root, or become a user of their own that may not write here.
func (r *Running) drop() error {
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return err
	}
	r.as = new(syscall.Credential)
	if _, err := fmt.Sscan(nobody.Uid+" "+nobody.Gid, &r.as.Uid, &r.as.Gid); err != nil {
		return err
	}
	return r.own(r.dir)
}

// own gives a file to the user that r's processes run as.
func (r *Running) own(file string) error {
	if r.as == nil {
		return nil
	}
	return os.Chown(file, int(r.as.Uid), int(r.as.Gid))
}

// prepare does what most peers need: they do not run as root, have a directory, and
// listen on r.Addr.
func (r *Running) prepare(name string) (dir string, err error) {
	if err := r.drop(); err != nil {
		return "", err
	}
	if r.Addr, err = freeAddr(); err != nil {
		return "", err
	}
	return r.makeDir(name)
}

// makeDir makes a directory that r's processes may write to.
func (r *Running) makeDir(name string) (string, error) {
	dir := filepath.Join(r.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, r.own(dir)
}

// write writes a template, filled with values, into r's directory.
func (r *Running) write(name string, values any) (file string, err error) {
	text, err := fill(name, values)
	if err != nil {
		return "", err
	}
	file = filepath.Join(r.dir, name)
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// launch starts a server, and waits until it accepts connections. What it says is
// kept in a log of its name.
func (r *Running) launch(ctx context.Context, cmd *exec.Cmd, network, addr string) (*proc.Process, error) {
	name := filepath.Join(r.dir, filepath.Base(cmd.Path)+".log")
	log, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if err := r.own(name); err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: r.as}
	p, err := r.setup.Group.Start(cmd)
	if err != nil {
		return nil, err
	}
	return p, ready(ctx, p, network, addr, name)
}

// logEnd is how much of a log is worth showing, in bytes.
const logEnd = 2000

// Logs returns the ends of its logs, for whoever wonders what went wrong.
func (r *Running) Logs() string {
	var b strings.Builder
	logs, _ := filepath.Glob(filepath.Join(r.dir, "*.log")) // only a bad pattern fails
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil || len(text) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n%s\n", filepath.Base(log), text[max(0, len(text)-logEnd):])
	}
	return b.String()
}

// settleTime bounds how long a contestant may go on with a file after its
// clients have all of it: a sync of 1 GiB on a slow disk.
const settleTime = 3 * time.Minute

// Settle waits until the files at paths stand under their names, so that the
// work on them disturbs nobody else's figures. Where no name shows it, there
// is nothing to wait for.
func (r *Running) Settle(ctx context.Context, paths ...string) error {
	if r.docroot == "" {
		return nil
	}
	return Named(ctx, r.docroot, settleTime, nil, paths...)
}

// Named waits until the files at paths stand under their names in docroot, for so
// long at most, or until ended is closed (nil: never).
func Named(ctx context.Context, docroot string, most time.Duration, ended <-chan struct{}, paths ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, errors.New("it did not appear in the docroot in time"))
	defer cancel()
	for _, path := range paths {
		for {
			_, err := os.Lstat(docroot + path)
			if err == nil {
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", path, context.Cause(ctx))
			case <-ended:
				return fmt.Errorf("%s: the server has ended", path)
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}

// ready waits until the server of p accepts connections.
func ready(ctx context.Context, p *proc.Process, network, addr, log string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		conn, err := net.Dial(network, addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.Ended():
			text, _ := os.ReadFile(log) // if it cannot be read, it says nothing
			return fmt.Errorf("it ended at once: %s", bytes.TrimSpace(text))
		case <-ctx.Done():
			return fmt.Errorf("it does not accept connections: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// freeAddr returns a loopback address that nobody listens on just now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

//go:embed *.conf *.toml *.vcl
var templates embed.FS

// fill returns the template called name, with values in it.
func fill(name string, values any) (string, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(templates, name)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, values)
	return b.String(), err
}
