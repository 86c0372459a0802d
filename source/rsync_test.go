package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/listing"
)

var _ interface {
	Source
	Lister
	Walker
	Batcher
} = (*Rsync)(nil)

// TestRsyncRefusals are the ways in which a daemon says no.
func TestRsyncRefusals(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(secrets, []byte("alice:open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	users := []string{"auth users = alice", "secrets file = " + secrets}
	as := func(user *url.Userinfo) func(*url.URL, *RsyncOptions) {
		return func(u *url.URL, _ *RsyncOptions) { u.User = user }
	}
	at := func(path string) func(*url.URL, *RsyncOptions) {
		return func(u *url.URL, _ *RsyncOptions) { u.Path = path }
	}
	for name, c := range map[string]struct {
		settings []string
		change   func(*url.URL, *RsyncOptions)
		kind     error // nil: it says yes
		cause    string
	}{
		"unknown module":   {nil, at("/nope/"), mirror.ErrBroken, "Unknown module"},
		"no module":        {nil, at("/"), mirror.ErrBroken, "no module"},
		"a user":           {users, as(url.UserPassword("alice", "open sesame")), nil, ""},
		"wrong password":   {users, as(url.UserPassword("alice", "open barley")), mirror.ErrRefused, "auth failed"},
		"unknown user":     {users, as(url.UserPassword("bob", "open sesame")), mirror.ErrRefused, "auth failed"},
		"no user":          {users, nil, mirror.ErrRefused, "wants a user"},
		"denied":           {[]string{"hosts deny = *"}, nil, mirror.ErrRefused, "access denied"},
		"full":             {[]string{"max connections = -1"}, nil, mirror.ErrBusy, "max connections"},
		"excluded":         {[]string{"exclude = a"}, nil, mirror.ErrNotFound, "link_stat"},
		"refused options":  {[]string{"refuse options = dirs"}, nil, mirror.ErrBroken, "refuse"},
		"before transfers": {[]string{"pre-xfer exec = false"}, nil, mirror.ErrBroken, "pre-xfer"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newRsyncDaemon(t, c.settings...)
			d.set("a", origin.File{Seed: 1, Size: 10})
			r := d.source("", c.change)
			a := newAttempt(t, "a", nil)
			if c.kind == nil {
				a.succeeds(r, origin.Bytes(1, 10))
				return
			}
			a.upstreamFails(r, c.kind)
			_, err := r.Fetch(t.Context(), a.Request)
			if !strings.Contains(err.Error(), c.cause) {
				t.Errorf("the error does not say %q: %v", c.cause, err)
			}
			for _, secret := range []string{"sesame", "barley", "alice", "bob"} {
				if strings.Contains(err.Error()+r.String()+r.URL("a"), secret) {
					t.Errorf("a credential is shown: %v", err)
				}
			}
		})
	}
}

// TestRsyncPolite: the log of a daemon that was asked for anything has no broken
// connection.
func TestRsyncPolite(t *testing.T) {
	d := newRsyncDaemon(t)
	d.set("dir/a", origin.File{Seed: 1, Size: size})
	r := d.source("", nil)
	newAttempt(t, "dir/a", nil).succeeds(r, origin.Bytes(1, size))
	newAttempt(t, "dir/b", nil).upstreamFails(r, mirror.ErrNotFound)
	newAttempt(t, "dir", nil).upstreamFails(r, mirror.ErrIsDirectory)
	if _, err := r.Stat(t.Context(), "dir/a"); err != nil {
		t.Error(err)
	}
	if _, err := r.List(t.Context(), "dir", nil); err != nil {
		t.Error(err)
	}
	if _, _, err := r.Walk(t.Context(), "", func(string, listing.Entry) error { return nil }); err != nil {
		t.Error(err)
	}
	fetchMany(t, r, []mirror.Name{"dir/a", "dir/b", "dir"}, nil)
	log := d.log()
	if sent := strings.Count(log, " sent "); sent != d.connections() || strings.Contains(log, "error:") || strings.Contains(log, "unexpected") {
		t.Errorf("%d of %d connections ended well:\n%s", sent, d.connections(), log)
	}
}

// unprivileged are the settings of a daemon that cannot read everything.
func unprivileged() []string {
	if os.Getuid() == 0 {
		return []string{"uid = nobody"}
	}
	return nil
}

// TestRsyncUnreadable: what the daemon lists but cannot open.
func TestRsyncUnreadable(t *testing.T) {
	d := newRsyncDaemon(t, unprivileged()...)
	d.set("a", origin.File{Seed: 1, Size: 10})
	d.makeReadable()
	if err := os.Chmod(filepath.Join(d.dir, "a"), 0); err != nil {
		t.Fatal(err)
	}
	newAttempt(t, "a", nil).upstreamFails(d.source("", nil), mirror.ErrRefused)
}

// TestRsyncMotd: a message of the day may look like anything that comes later.
func TestRsyncMotd(t *testing.T) {
	d := newRsyncDaemon(t)
	motd := filepath.Join(t.TempDir(), "motd")
	text := "-rw-r--r--          1,234 2024/01/02 03:04:05 b\n@RSYNCD: 31.0\nOK\n\n@RSYNCD: OK \n" +
		"rsync error: all is lost (code 23)\nm\tthe module\n" + strings.Repeat("x", 100_000)
	if err := os.WriteFile(motd, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile(d.conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.conf, append([]byte("motd file = "+motd+"\n"), conf...), 0o600); err != nil {
		t.Fatal(err)
	}
	d.set("a", origin.File{Seed: 1, Size: 10})
	r := d.source("", nil)
	newAttempt(t, "a", nil).succeeds(r, origin.Bytes(1, 10))
	newAttempt(t, "b", nil).upstreamFails(r, mirror.ErrNotFound)
	l, err := r.List(t.Context(), "", nil)
	if err != nil || len(l.Entries) != 1 || l.Entries[0].Name != "a" || l.Unread > 0 || !l.Ended {
		t.Errorf("the listing is %+v, %v", l, err)
	}
}

// TestRsyncSilence: an upstream that is silent or slow at any time is given up.
func TestRsyncSilence(t *testing.T) {
	const soon = 100 * time.Millisecond
	for name, c := range map[string]struct {
		stall   int64 // the 300,001 bytes of the file begin near 120
		options RsyncOptions
	}{
		"greeting":    {1, RsyncOptions{Header: soon}},
		"in the list": {75, RsyncOptions{Header: time.Minute, Idle: soon}},
		"in the file": {100_000, RsyncOptions{Idle: soon}},
		"slow":        {100_000, RsyncOptions{Idle: time.Minute, LowSpeed: 1 << 40, LowSpeedTime: time.Microsecond}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newRsyncDaemon(t)
			d.set("a", origin.File{Seed: 1, Size: size})
			d.next(func() { d.stall = c.stall })
			a := newAttempt(t, "a", nil)
			_, err := d.source("", func(_ *url.URL, o *RsyncOptions) { *o = c.options }).Fetch(t.Context(), a.Request)
			if !errors.Is(err, mirror.ErrTimeout) {
				t.Errorf("error %v, want a timeout", err)
			}
			if !bytes.HasPrefix(origin.Bytes(1, size), a.dst()) {
				t.Error("what was appended is no prefix of the file")
			}
		})
	}
}

// TestRsyncTrickle: a daemon that is never silent, and never comes to the point.
func TestRsyncTrickle(t *testing.T) {
	d := newRsyncDaemon(t)
	r := d.source("", func(_ *url.URL, o *RsyncOptions) { o.Header = 100 * time.Millisecond })
	r.dial = func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		go func() {
			pause := time.NewTicker(5 * time.Millisecond)
			defer pause.Stop()
			_, err := io.WriteString(theirs, "@RSYNCD: 31.0\n")
			for err == nil {
				<-pause.C
				_, err = io.WriteString(theirs, "wait\n")
			}
		}()
		return ours, nil
	}
	newAttempt(t, "a", nil).upstreamFails(r, mirror.ErrTimeout)
}

// TestRsyncGivenUp: whoever waits for a silent daemon may leave at any time.
func TestRsyncGivenUp(t *testing.T) {
	for _, stall := range []int64{1, 75, 100_000} {
		d := newRsyncDaemon(t)
		d.set("a", origin.File{Seed: 1, Size: size})
		d.next(func() { d.stall = stall })
		reason := errors.New("nobody is interested")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(reason) })
		if _, err := d.source("", nil).Fetch(ctx, newAttempt(t, "a", nil).Request); !errors.Is(err, reason) {
			t.Errorf("after %d bytes: error %v", stall, err)
		}
	}
}

// TestRsyncDigest is the answer to a challenge, as the rsync program gives it: of
// the password first, in base 64 without padding.
func TestRsyncDigest(t *testing.T) {
	r := NewRsync(&url.URL{Host: "one.example", Path: "/m/", User: url.UserPassword("alice", "open sesame")}, RsyncOptions{})
	for greeting, want := range map[string]string{
		"@RSYNCD: 31.0\n":            "alice +WPrxo4ks9eHgy96n43BLQ\n",
		"@RSYNCD: 31.0 md5 md4\n":    "alice +WPrxo4ks9eHgy96n43BLQ\n",
		"@RSYNCD: 32.0 sha512 md5\n": "alice 0VeIASc+HfPxMtdddNcMXC97MbPxmGprGojJLFhH55dNB/Ak0nbRMy+QfaCTeF8VOs34fjZiSCyxBwfcwgXK7w\n",
	} {
		if got, err := r.authenticate("abc", greeting); err != nil || got != want {
			t.Errorf("%q: %q, %v", greeting, got, err)
		}
	}
}

func TestRsyncNobodyListens(t *testing.T) {
	r := NewRsync(&url.URL{Scheme: "rsync", Host: "127.0.0.1:1", Path: "/m/"}, RsyncOptions{Connect: time.Second})
	newAttempt(t, "a", nil).upstreamFails(r, mirror.ErrBroken)
}

// TestRsyncChangesMeanwhile: a file that took long is looked at again.
func TestRsyncChangesMeanwhile(t *testing.T) {
	d := newRsyncDaemon(t)
	d.set("a", origin.File{Seed: 1, Size: size})
	r := d.source("", nil)
	r.lookAgainAfter = 0
	newAttempt(t, "a", nil).succeeds(r, origin.Bytes(1, size))
	if n := d.connections(); n != 2 {
		t.Errorf("%d connections, want one for the second look", n)
	}
	for name, c := range map[string]struct {
		next func()
		kind error
	}{
		"written to": {func() {
			f, err := os.OpenFile(filepath.Join(d.dir, "a"), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			f.WriteAt([]byte("new"), size-3)
		}, mirror.ErrChanged},
		"replaced": {func() {
			d.set("a", origin.File{Seed: 2, Size: size, ModTime: origin.Epoch.Add(time.Second)})
		}, mirror.ErrChanged},
		"removed": {func() {
			if err := os.Remove(filepath.Join(d.dir, "a")); err != nil {
				t.Fatal(err)
			}
		}, mirror.ErrNotFound},
	} {
		d.set("a", origin.File{Seed: 1, Size: size})
		a := newAttempt(t, "a", nil)
		a.Start = func(mirror.Meta) (*os.File, error) { c.next(); return a.file, nil }
		if _, err := r.Fetch(t.Context(), a.Request); !errors.Is(err, c.kind) {
			t.Errorf("%s: error %v, want %v", name, err, c.kind)
		}
	}
}

// TestRsyncWithoutAppend: where a daemon does not leave out what is at hand, all
// of it is compared.
func TestRsyncWithoutAppend(t *testing.T) {
	d := newRsyncDaemon(t, "refuse options = append")
	d.set("a", origin.File{Seed: 1, Size: size})
	r := d.source("", nil)
	whole := origin.Bytes(1, size)
	meta := newAttempt(t, "a", nil).succeeds(r, whole)
	if body, err := r.Range(t.Context(), "a", 100, 199, meta); !errors.Is(err, mirror.ErrChanged) {
		t.Errorf("Range: %v, %v", body, err)
	}
	before := d.connections()
	for range 2 {
		a := newAttempt(t, "a", whole[:200_000])
		a.Have, a.SameUpstream = meta, true
		a.succeeds(r, whole)
	}
	if n := d.connections() - before; n != 3 {
		t.Errorf("%d connections, want one only to be told", n)
	}
}

// TestRsyncOtherProtocolsTimes: bytes that came over HTTP, which knows no
// fractions of a second, are gone on with.
func TestRsyncOtherProtocolsTimes(t *testing.T) {
	d := newRsyncDaemon(t)
	fine := origin.Epoch.Add(123456789)
	d.set("a", origin.File{Seed: 1, Size: size, ModTime: fine})
	r := d.source("", nil)
	whole := origin.Bytes(1, size)
	meta := newAttempt(t, "a", nil).succeeds(r, whole)
	if !meta.ModTime.Equal(fine) {
		t.Errorf("the time is %v, want %v", meta.ModTime, fine)
	}
	a := newAttempt(t, "a", whole[:200_000])
	a.Have = mirror.Meta{Size: size, ModTime: origin.Epoch, LastModified: meta.LastModified}
	a.succeeds(r, whole)

	a = newAttempt(t, "a", nil) // as package fetch describes what it holds
	a.Held = &mirror.Meta{Size: size, LastModified: meta.LastModified}
	a.fails(r, ErrNotModified)
}

// TestRsyncHTML: where a name cannot be a page's, a page is refused.
func TestRsyncHTML(t *testing.T) {
	d := newRsyncDaemon(t)
	page := []byte("<!DOCTYPE html><title>Closed</title>")
	d.set("a.deb", origin.File{Body: page})
	a := newAttempt(t, "a.deb", nil)
	a.RefuseHTML = true
	a.upstreamFails(d.source("", nil), mirror.ErrBroken)
	newAttempt(t, "a.deb", nil).succeeds(d.source("", nil), page)
}

// TestRsyncLarge: a file of more than 4 GiB, its end without the rest.
func TestRsyncLarge(t *testing.T) {
	const large = 5<<30 + 12345
	d := newRsyncDaemon(t)
	d.set("a", origin.File{Seed: 1, Size: 10})
	name := filepath.Join(d.dir, "a")
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tail := origin.Bytes(2, 1000)
	if _, err := f.WriteAt(tail, large-1000); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, origin.Epoch, origin.Epoch); err != nil {
		t.Fatal(err)
	}
	r := d.source("", nil)
	meta, err := r.Stat(t.Context(), "a")
	if err != nil || meta.Size != large {
		t.Fatalf("Stat: %+v, %v", meta, err)
	}
	body, err := r.Range(t.Context(), "a", large-1000, large-1, meta)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(body); err != nil || !bytes.Equal(b.Bytes(), tail) {
		t.Errorf("the end has %d bytes, %v", b.Len(), err)
	}
}
