package source

import (
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/ftpd"
	"mirror/internal/origin"
)

// TestFTPFull: where a server takes no more connections of us, those that are in use
// are waited for, in turn.
func TestFTPFull(t *testing.T) {
	s := ftpd.New(t)
	s.Set("/a", origin.File{Seed: 1, Size: size})
	full := ftpd.Behaviour{Answers: map[string]string{"": "421 Too many connections"}}
	u := overFTP(t, "ftp://"+s.Addr+"/", func(o *FTPOptions) { o.Queue = long })
	newAttempt(t, "a", nil).succeeds(u, origin.Bytes(1, size))

	var wg sync.WaitGroup
	fetches := func(n int) {
		for range n {
			a := newAttempt(t, "a", nil)
			wg.Go(func() {
				if _, err := u.Fetch(t.Context(), a.Request); err != nil {
					t.Error(err)
				}
			})
		}
		for begun := time.Now(); waiting(u) < n; time.Sleep(time.Millisecond) {
			if time.Since(begun) > long {
				t.Fatalf("%d wait for a connection, not %d", waiting(u), n)
			}
		}
	}
	inUse := u.pool.get()
	s.Behave(full)
	fetches(3)
	u.pool.put(inUse)
	wg.Wait()
	if n := s.Logins(); n != 1 {
		t.Errorf("%d logins", n)
	}

	// The place of one that is gone is taken by another.
	inUse = u.pool.get()
	fetches(1)
	s.Behave(ftpd.Behaviour{})
	inUse.Close()
	u.pool.put(inUse)
	wg.Wait()
	if n := s.Logins(); n != 2 {
		t.Errorf("%d logins", n)
	}

	// Nobody waits for ever, or for nothing.
	s.Behave(full)
	u.opts.Queue = time.Millisecond
	inUse = u.pool.get()
	newAttempt(t, "a", nil).upstreamFails(u, mirror.ErrBusy)
	if n := waiting(u); n > 0 {
		t.Errorf("%d wait still", n)
	}
	inUse.Close()
	u.pool.put(inUse)
	u.opts.Queue = long
	begun := time.Now()
	newAttempt(t, "a", nil).upstreamFails(u, mirror.ErrBusy)
	if time.Since(begun) >= long {
		t.Error("it was waited for, although none was in use")
	}
}

func waiting(u *FTP) int {
	u.pool.mu.Lock()
	defer u.pool.mu.Unlock()
	return len(u.pool.waiting)
}
