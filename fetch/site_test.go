package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mirror"
	"mirror/config"
	"mirror/internal/origin"
	"mirror/store/index"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a docroot and what is configured for it. Each engine of it stands
// for a process: their locks exclude each other as those of processes do.
type site struct {
	t       testing.TB
	dir     string
	docroot string
	conf    *config.Config
	clock   *clock
	log     *logBuffer
}

// newSite mirrors /m/ from the upstreams. extra is TOML for the [[mirror]]
// table; lines before it go to limits and timeouts.
func newSite(t testing.TB, extra string, upstreams ...*origin.Origin) *site {
	t.Helper()
	dir := t.TempDir()
	docroot := filepath.Join(dir, "doc")
	if err := os.Mkdir(docroot, 0o755); err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, o := range upstreams {
		urls = append(urls, fmt.Sprintf("%q", o.URL+"/"))
	}
	head, mirrorKeys, ok := strings.Cut(extra, "---\n")
	if !ok {
		head, mirrorKeys = "", extra
	}
	if !strings.Contains(mirrorKeys, "connections = ") { // else a busy machine makes upstreams look slow
		mirrorKeys += "\nconnections = 1\n"
	}
	text := fmt.Sprintf("docroot = %q\n%s\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%s]\n%s\n",
		docroot, head, strings.Join(urls, ", "), mirrorKeys)
	conf, err := config.Parse([]byte(text), filepath.Join(dir, "mirror.toml"))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return &site{t: t, dir: dir, docroot: docroot, conf: conf, clock: &clock{at: time.Now()}, log: &logBuffer{}}
}

// engine starts a process, so to say.
func (s *site) engine() *Engine { return s.engineTLS(nil) }

func (s *site) engineTLS(c *tls.Config) *Engine {
	s.t.Helper()
	e, err := Open(s.conf, Options{Log: slog.New(slog.NewTextHandler(s.log, nil)), Now: s.clock.now, TLS: c})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if err := e.Shut(ctx); err != nil {
			s.t.Errorf("shutting: %v", err)
		}
		if s.t.Failed() {
			s.t.Logf("log:\n%s", s.log)
		}
	})
	return e
}

// bound is the longest that anything in these tests may take: a bound, not a
// wait.
const bound = 20 * time.Second

func (s *site) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	s.t.Cleanup(cancel)
	return ctx
}

// get reads a whole file.
func (s *site) get(e *Engine, name mirror.Name) ([]byte, error) {
	f, err := e.Open(s.ctx(), name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err == nil && int64(len(b)) != f.Meta.Size {
		s.t.Errorf("%s: read %d bytes, Meta.Size is %d", name, len(b), f.Meta.Size)
	}
	return b, err
}

// settle waits until no fetch of e runs. What belongs to one may be a lot, such as the
// two times 200,000 claims of TestManyClaims, of which no client waits for the end.
func (s *site) settle(e *Engine) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*bound)
	defer cancel()
	err := poll(ctx, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.running) == 0
	})
	if err != nil {
		s.t.Fatalf("waiting until every fetch has ended: %v", err)
	}
}

func (s *site) until(what string, ok func() bool) {
	s.t.Helper()
	if err := poll(s.ctx(), ok); err != nil {
		s.t.Fatalf("waiting until %s: %v", what, err)
	}
}

func (s *site) path(name mirror.Name) string {
	return filepath.Join(s.docroot, string(name))
}

// docFiles lists the files of the docroot.
func (s *site) docFiles() (list []string) {
	filepath.WalkDir(s.docroot, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(s.docroot, p)
			list = append(list, rel)
		}
		return nil
	})
	return list
}

// wantPublished checks a docroot file byte by byte, its mode and its time.
func (s *site) wantPublished(name mirror.Name, content []byte, mtime time.Time) {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatalf("not published: %v", err)
	}
	if !bytes.Equal(b, content) {
		s.t.Fatalf("%s: published %d bytes, which are not the upstream's %d", name, len(b), len(content))
	}
	fi, _ := os.Stat(s.path(name))
	if fi.Mode() != 0o644 {
		s.t.Errorf("%s: mode %v, want 0644", name, fi.Mode())
	}
	if !mtime.IsZero() && !fi.ModTime().Equal(mtime) {
		s.t.Errorf("%s: mtime %v, want %v", name, fi.ModTime(), mtime)
	}
}

// wantNoParts checks that nothing unfinished is left behind.
func (s *site) wantNoParts() {
	s.t.Helper()
	list, err := os.ReadDir(filepath.Join(s.conf.State, "part"))
	if err != nil {
		s.t.Fatal(err)
	}
	if len(list) > 0 {
		s.t.Errorf("%d parts are left", len(list))
	}
}

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Microsecond)
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// discardLog is for processes whose end is part of the test.
var discardLog = slog.New(slog.DiscardHandler)

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// rowOf is the intent that led to a record.
func rowOf(r index.Record) []index.Partial {
	return []index.Partial{{
		Name: r.Name, Upstream: r.Upstream, Inode: r.Inode, Total: r.Size, ModTime: r.ModTime,
		ETag: r.ETag, Publishing: true, Digest: r.Digest, Started: r.Fetched,
	}}
}
