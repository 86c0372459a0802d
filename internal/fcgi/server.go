package fcgi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Serve accepts connections from l until Shutdown is called, and then returns
// http.ErrServerClosed; requests may still be running. It closes l.
//
// A failing accept (no file descriptors left, a peer that hung up in the queue)
// is logged and tried again: what is temporary must not end a daemon. Only a
// listener that somebody else has closed ends Serve with net.ErrClosed.
func (s *Server) Serve(l net.Listener) error {
	s.init()
	defer l.Close()
	if !s.addListener(l) {
		return http.ErrServerClosed
	}
	defer s.removeListener(l)
	retry := backoff{log: s.Log}
	for {
		select {
		case s.slots <- struct{}{}:
		case <-s.closing:
			return http.ErrServerClosed
		}
		nc, err := l.Accept()
		if err != nil {
			<-s.slots
			if s.isDown() {
				return http.ErrServerClosed
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			select {
			case <-time.After(retry.failed(err)):
			case <-s.closing:
			}
			continue
		}
		retry.succeeded()
		c := newConn(s, nc)
		if !s.addConn(c) {
			nc.Close()
			<-s.slots
			return http.ErrServerClosed
		}
		go func() {
			c.serve()
			s.removeConn(c)
			<-s.slots
		}()
	}
}

// errCut is why a request ends when Shutdown's context does.
var errCut = errors.New("the daemon is stopping and could not wait any longer")

// Shutdown stops accepting, closes idle connections and waits for the running
// requests. When ctx is done first, it cuts them, which cancels their contexts,
// and returns ctx's error without waiting further. The Server cannot be used
// again.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	s.mu.Lock()
	if !s.down {
		s.down = true
		close(s.closing)
		s.checkEmpty()
	}
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.closeIfIdle()
	}
	s.mu.Unlock()

	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.cut(errCut)
	}
	return ctx.Err()
}

func (s *Server) isDown() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// addListener notes l for Shutdown, unless that has begun.
func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		s.listeners[l] = struct{}{}
	}
	return !s.down
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// addConn notes c for Shutdown, unless that has begun.
func (s *Server) addConn(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		s.conns[c] = struct{}{}
	}
	return !s.down
}

func (s *Server) removeConn(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.checkEmpty()
}

// checkEmpty tells Shutdown about the last connection. Its callers hold mu; once
// down is set, no connection is added, so it closes the channel once.
func (s *Server) checkEmpty() {
	if s.down && len(s.conns) == 0 {
		close(s.empty)
	}
}
