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
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"mirror/bench/proc"
)

// Kind is a contestant, by the name that the tables show.
type Kind string

// The contestants.
const (
	OursNginx   Kind = "ours behind nginx (FastCGI)"
	OursBuiltin Kind = "ours built-in"
	NginxStore  Kind = "nginx proxy_store"
	NginxCache  Kind = "nginx proxy_cache_lock"
	Direct      Kind = "direct"         // the origin itself: the limit
	Curl        Kind = "curl to a file" // the same with a real client and a disk

	// Floor is no mirror, but what the least of one costs in Go: see bench/floor.
	Floor Kind = "bare Go proxy that syncs (no mirror)"
)

// Ours reports whether it is what this project builds.
func (k Kind) Ours() bool { return k == OursNginx || k == OursBuiltin }

// Setup is what contestants are made of.
type Setup struct {
	Group  *proc.Group
	Repo   string // this module's directory, for deploy/
	Daemon string // the binary of mirror-fcgi
	Nginx  string // the binary of nginx
	Origin string // "host:port"
}

// Running is a contestant that runs.
type Running struct {
	Kind Kind
	Addr string // "host:port" to ask

	// Daemon is mirror-fcgi, Nginx its front or rival; nil where there is none.
	Daemon, Nginx *proc.Process
	floor         *proc.Process

	// docroot is where a file stands under its own name once it is published;
	// empty where that is not the way.
	docroot string
	setup   *Setup
	dir     string
}

// readyTime bounds how long a server may take until it accepts connections.
const readyTime = 10 * time.Second

// Start starts kind in dir, which is empty. Stop it, also after an error.
func (s *Setup) Start(ctx context.Context, kind Kind, dir string) (*Running, error) {
	r := &Running{Kind: kind, setup: s, dir: dir}
	var err error
	switch kind {
	case OursNginx:
		err = r.startBehindNginx(ctx)
	case OursBuiltin:
		err = r.startBuiltin(ctx)
	case NginxStore:
		err = r.startNginx(ctx, "store.conf")
	case NginxCache:
		err = r.startNginx(ctx, "cache.conf")
	case Floor:
		err = r.startFloor(ctx)
	case Direct, Curl:
		r.Addr = s.Origin
	default:
		err = fmt.Errorf("there is no contestant %q", kind)
	}
	if err != nil {
		err = fmt.Errorf("%s cannot be started: %w", kind, err)
	}
	return r, err
}

// Stop ends its processes.
func (r *Running) Stop() {
	for _, p := range []*proc.Process{r.Nginx, r.Daemon, r.floor} {
		if p != nil {
			p.Stop()
		}
	}
}

// logEnd is how much of a log is worth showing, in bytes.
const logEnd = 2000

// Logs returns the ends of its logs, for whoever wonders what went wrong.
func (r *Running) Logs() string {
	var b strings.Builder
	for _, name := range []string{daemonLog, nginxLog, floorLog} {
		text, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil || len(text) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n%s\n", name, text[max(0, len(text)-logEnd):])
	}
	return b.String()
}

// The logs, in the contestant's directory.
const (
	daemonLog = "mirror.log"
	nginxLog  = "nginx.log"
	floorLog  = "floor.log"
)

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
	ctx, cancel := context.WithTimeoutCause(ctx, settleTime, errors.New("it did not appear in the docroot in time"))
	defer cancel()
	for _, path := range paths {
		for {
			_, err := os.Lstat(r.docroot + path)
			if err == nil {
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", path, context.Cause(ctx))
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

//go:embed *.conf *.toml
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

// makeDocroot makes the directory that the contestant stores in.
func (r *Running) makeDocroot() (string, error) {
	docroot := filepath.Join(r.dir, "docroot")
	return docroot, os.Mkdir(docroot, 0o755)
}
