package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"mirror/config"
	"mirror/fetch"
	"mirror/handler"
	"mirror/internal/fcgi"
	"mirror/internal/gather"
	"mirror/internal/socket"
	"mirror/maint"
)

// service is the listeners and servers of one daemon.
type service struct {
	conf   *config.Config
	engine *fetch.Engine
	log    *slog.Logger

	fastcgi []net.Listener
	http    net.Listener

	fcgiServer *fcgi.Server
	httpServer *http.Server

	working sync.WaitGroup
	quit    context.CancelFunc // ends what work began
}

// listen opens every socket, or says what to do.
func (s *service) listen() error {
	inherited, err := socket.Inherited()
	if err != nil {
		return err
	}
	s.fastcgi = inherited
	if spec := s.conf.Server.FastCGI; spec.Network != "" {
		l, err := socket.Listen(spec.Network, spec.Address, s.conf.Server.FastCGIMode, s.conf.Server.FastCGIGroup)
		if err != nil {
			return err
		}
		s.fastcgi = append(s.fastcgi, l)
	}
	if l, ok := socket.FromStdin(); ok {
		s.fastcgi = append(s.fastcgi, l)
	}
	if s.conf.Server.HTTP != "" {
		if s.http, err = socket.ListenWeb(s.conf.Server.HTTP); err != nil {
			return fmt.Errorf("the built-in front cannot listen: %w: set server.http to a free address", err)
		}
	}
	if len(s.fastcgi) == 0 && s.http == nil {
		return errors.New("there is nothing to listen on: set server.fastcgi or server.http, or let systemd, spawn-fcgi or mod_fcgid hand over a socket")
	}
	return nil
}

// start serves in the background. What comes out of the channel ended a server
// that should not have ended.
func (s *service) start() <-chan error {
	h := handler.New(s.conf, s.engine, s.log)
	failed := make(chan error, len(s.fastcgi)+1)
	s.fcgiServer = &fcgi.Server{Log: s.log, Handler: func(w http.ResponseWriter, r *http.Request, env map[string]string) {
		front, err := handler.FrontOf(env, r.RequestURI, s.conf.Server)
		if err != nil {
			s.log.Error("the front's declaration cannot be understood", "err", err)
			http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
			return
		}
		h.Serve(w, r, front)
	}}
	for _, l := range s.fastcgi {
		s.log.Info("listening", "fastcgi", l.Addr().String())
		go func() { failed <- s.fcgiServer.Serve(l) }()
	}
	if s.http != nil {
		s.httpServer = &http.Server{
			Handler:     h.Builtin(),
			ConnContext: gather.Context,
			// A client has to say what it wants soon, and little of it: the
			// longest name is 4 KiB. It may take all the time to receive.
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		}
		s.log.Info("listening", "http", "http://"+s.http.Addr().String()+"/")
		go func() { failed <- s.httpServer.Serve(gather.Listener(s.http)) }()
	}
	return failed
}

// work does in the background what nobody asks for, until ctx is done.
func (s *service) work(ctx context.Context) {
	ctx, s.quit = context.WithCancel(ctx)
	site := maint.Site{Conf: s.conf, Engine: s.engine}
	jobs := []maint.Job{{Name: "gc", Every: gcEvery, Do: func(ctx context.Context) error { return s.collect(ctx, site) }}}
	if s.conf.Server.VerifyRate > 0 {
		jobs = append(jobs, maint.Job{Name: "verify", Every: verifyEvery, Do: func(ctx context.Context) error {
			return site.VerifyRound(ctx, s.log)
		}})
	}
	keeper := &maint.Keeper{Site: site}
	jobs = append(jobs, maint.Job{Name: "refresh", Every: maint.RefreshEvery(s.conf), Do: keeper.Round})
	s.working.Go(func() { maint.Schedule(ctx, s.log, jobs) })
}

// verifyEvery is the pause between two looks whether a round of verification is due:
// another daemon on the same state directory may have ended, in the middle of one.
const verifyEvery = 10 * time.Minute

// gcEvery is small beside any sensible keep_dropped.
const gcEvery = 24 * time.Hour

// collect removes what the upstreams dropped long ago.
func (s *service) collect(ctx context.Context, site maint.Site) error {
	sum, err := site.GC(ctx, maint.GCOptions{Tell: func(c maint.Collection) {
		s.log.Info("gc: removed", "path", maint.Quote(c.Name), "dropped", c.Since, "via", c.Via)
	}})
	for _, f := range sum.Failed {
		s.log.Warn("gc: a file could not be removed", "path", maint.Quote(f.Name), "err", f.Text)
	}
	if sum.Removed > 0 {
		s.log.Info("gc: done", "files", sum.Removed, "bytes", sum.Bytes, "directories", sum.Dirs, "waiting", sum.Waiting)
	}
	return err
}

// drain lets running deliveries finish within the grace period, then breaks
// them off; unfinished files stay resumable.
func (s *service) drain() error {
	s.quit()
	ctx, cancel := context.WithTimeout(context.Background(), s.conf.Server.Grace)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.httpServer != nil && s.httpServer.Shutdown(ctx) != nil {
			s.httpServer.Close()
		}
	}()
	// Past the grace period it has cut what was left.
	_ = s.fcgiServer.Shutdown(ctx)
	<-done
	s.working.Wait()
	return s.engine.Shut(ctx)
}
