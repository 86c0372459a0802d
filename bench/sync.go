package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mirror/bench/contestant"
	"mirror/internal/loopback"
	"mirror/internal/server"
)

// Who brings a whole tree.
const (
	syncRsync contestant.Kind = "mirrorctl sync, from rsync"
	rsyncA    contestant.Kind = "rsync -a"
	syncHTTP  contestant.Kind = "mirrorctl sync, from nginx"
	lftp      contestant.Kind = "lftp mirror, from nginx"
	syncFTP   contestant.Kind = "mirrorctl sync, from vsftpd"
	lftpFTP   contestant.Kind = "lftp mirror, from vsftpd"
)

// The tree: as many directories of as many files.
const (
	syncDirs = 100
	syncSize = 4 * kib
)

// syncTree brings a tree of 10,000 small files from a daemon on this machine.
func syncTree(ctx context.Context, b *bench) ([]*series, error) {
	s := &series{
		title: fmt.Sprintf("A tree of %d files of %s", syncDirs*syncDirs, size(syncSize)), unit: "s", format: "%.2f",
		kinds: []contestant.Kind{syncRsync, rsyncA, syncHTTP, lftp, syncFTP, lftpFTP},
	}
	t, err := newTreeBench(ctx, b)
	if err != nil {
		return nil, err
	}
	for round := range b.rounds {
		for i := range s.kinds {
			kind := s.kinds[(i+round)%len(s.kinds)]
			took, err := t.bring(ctx, kind)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", kind, err)
			}
			s.add(&turn{Running: &contestant.Running{Kind: kind}, b: b, round: round}, took.Seconds())
		}
	}
	s.note = fmt.Sprintf("From exec to exit, onto an empty disk cache; ours is on the disk by then. Goals: at most 3x rsync (%s), and 1x lftp over HTTP (%s) and FTP (%s).",
		times(s.ratio(syncRsync, rsyncA)), times(s.ratio(syncHTTP, lftp)), times(s.ratio(syncFTP, lftpFTP)))
	return []*series{s}, nil
}

// treeBench is the tree and its servers.
type treeBench struct {
	b                *bench
	up               string // the tree
	program          string // mirrorctl
	rsync, http, ftp string // URLs
}

func newTreeBench(ctx context.Context, b *bench) (*treeBench, error) {
	b.serial++
	dir := filepath.Join(b.dir, fmt.Sprint(b.serial))
	t := &treeBench{b: b, up: filepath.Join(dir, "up")}
	if err := os.MkdirAll(t.up, 0o755); err != nil {
		return nil, err
	}
	var err error
	if t.program, err = b.build(ctx, "mirrorctl"); err != nil {
		return nil, err
	}
	if err := t.fill(); err != nil {
		return nil, err
	}
	return t, t.serve(ctx, dir)
}

func (t *treeBench) fill() error {
	body := make([]byte, syncSize)
	for d := range syncDirs {
		dir := filepath.Join(t.up, fmt.Sprintf("d%02d", d))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		for f := range syncDirs {
			copy(body, fmt.Sprintf("%d %d ", d, f)) // no two are the same
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%02d", f)), body, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// serve starts the upstreams, each at an address of its own. The bench's group ends them.
func (t *treeBench) serve(ctx context.Context, dir string) error {
	root := ""
	if os.Getuid() == 0 {
		root = "user root;"
	}
	port := strconv.Itoa(loopback.Port)
	rsyncIP, rsyncAddr := loopback.Address()
	_, httpAddr := loopback.Address()
	ftpIP, ftpAddr := loopback.Address()
	t.rsync, t.http, t.ftp = "rsync://"+rsyncAddr+"/m/", "http://"+httpAddr+"/", "ftp://"+ftpAddr+"/"
	rsyncConf, httpConf, ftpConf := filepath.Join(dir, "rsyncd.conf"), filepath.Join(dir, "nginx.conf"), filepath.Join(dir, "vsftpd.conf")
	err := errors.Join(
		os.WriteFile(ftpConf, []byte(server.VsftpdConf(ftpIP, port, t.up, "")), 0o600),
		os.WriteFile(rsyncConf, []byte(server.RsyncdConf(t.up, "")), 0o600),
		os.WriteFile(httpConf, fmt.Appendf(nil, `%s worker_processes 1; daemon off; pid %[2]s/pid; error_log %[2]s/errors;
events {}
http {
	access_log off; sendfile on;
	client_body_temp_path %[2]s/tmp; proxy_temp_path %[2]s/tmp; fastcgi_temp_path %[2]s/tmp; uwsgi_temp_path %[2]s/tmp; scgi_temp_path %[2]s/tmp;
	server { listen %[3]s; root %[4]s; autoindex on; keepalive_requests 100000; }
}
`, root, dir, httpAddr, t.up), 0o600))
	if err != nil {
		return err
	}
	for addr, cmd := range map[string]*exec.Cmd{
		rsyncAddr: exec.Command("rsync", server.RsyncdArgs(rsyncIP, port, rsyncConf)...),
		ftpAddr:   exec.Command("vsftpd", ftpConf),
		httpAddr:  exec.Command(t.b.setup.Nginx, "-p", dir, "-c", httpConf, "-e", dir+"/errors"),
	} {
		if _, err := t.b.group.Start(cmd); err != nil {
			return err
		}
		if err := listens(ctx, addr); err != nil {
			return err
		}
	}
	return nil
}

// listens waits until somebody accepts connections.
func listens(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// bring has the tree brought into an empty directory, and compares it.
func (t *treeBench) bring(ctx context.Context, kind contestant.Kind) (time.Duration, error) {
	t.b.serial++
	dir := filepath.Join(t.b.dir, fmt.Sprint(t.b.serial))
	to := filepath.Join(dir, "doc")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return 0, err
	}
	url := t.rsync
	switch kind {
	case syncHTTP:
		url = t.http
	case syncFTP:
		url = t.ftp
	}
	conf := filepath.Join(dir, "mirror.toml")
	text := fmt.Sprintf("docroot = %q\n[[mirror]]\nprefix = \"/\"\nupstream = [%q]\nzone = \"UTC\"\n", to, url)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, t.program, "sync", "-config", conf, "/")
	switch kind {
	case rsyncA:
		cmd = exec.CommandContext(ctx, "rsync", "-a", t.rsync, to+"/")
	case lftp:
		cmd = exec.CommandContext(ctx, "lftp", "-c", "mirror "+t.http+" "+to)
	case lftpFTP:
		cmd = exec.CommandContext(ctx, "lftp", "-c", "mirror "+t.ftp+" "+to)
	}
	unix.Sync() // what the one before has left is not this one's
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(begun)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	if out, err := exec.CommandContext(ctx, "diff", "-rq", t.up, to).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("what it brought is not what is upstream: %w: %s", err, out)
	}
	fmt.Fprintf(os.Stderr, "%-8s %-28s %6.1f s\n", t.b.measure, kind, took.Seconds())
	return took, nil
}
