package source

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/ftpd"
	"mirror/internal/origin"
)

const short = 700 * time.Millisecond

// impatient gives silence little time.
func impatient(o *FTPOptions) { o.Reply, o.Idle = short, short }

// TestFTPErrors: each trouble has its kind, and tells nobody's password.
func TestFTPErrors(t *testing.T) {
	const vague = "Failed to open file."
	old := []string{"MLST"}
	for name, test := range map[string]struct {
		b    ftpd.Behaviour
		path mirror.Name // "": a file that is there
		want error
	}{
		"too many users":      {ftpd.Behaviour{Answers: map[string]string{"PASS": "530 The maximum number of users is logged in"}}, "", mirror.ErrBusy},
		"too many clients":    {ftpd.Behaviour{Answers: map[string]string{"": "421 later"}}, "", mirror.ErrBusy},
		"wrong password":      {ftpd.Behaviour{Answers: map[string]string{"PASS": "530 user may not come in with secret"}}, "", mirror.ErrRefused},
		"wants an account":    {ftpd.Behaviour{Answers: map[string]string{"USER": "532 Whose?"}}, "", mirror.ErrRefused},
		"no FTP":              {ftpd.Behaviour{Answers: map[string]string{"": "HTTP/1.1 400 Bad Request"}}, "", mirror.ErrBroken},
		"stalls at login":     {ftpd.Behaviour{Silent: "PASS"}, "", mirror.ErrTimeout},
		"stalls after login":  {ftpd.Behaviour{Silent: "SIZE"}, "", mirror.ErrTimeout},
		"stalls at the data":  {ftpd.Behaviour{Silent: "RETR"}, "", mirror.ErrTimeout},
		"hangs up at login":   {ftpd.Behaviour{Hangup: "PASS"}, "", mirror.ErrBroken},
		"hangs up":            {ftpd.Behaviour{Hangup: "RETR"}, "", mirror.ErrBroken},
		"no port is free":     {ftpd.Behaviour{Answers: map[string]string{"EPSV": "425 none"}}, "", mirror.ErrBroken},
		"locked":              {ftpd.Behaviour{Answers: map[string]string{"RETR": "450 another process has it"}}, "", mirror.ErrBusy},
		"denied":              {ftpd.Behaviour{Lacks: old, Denied: []string{"/base/a"}, Missing: "a: Permission denied"}, "", mirror.ErrRefused},
		"denied, vaguely":     {ftpd.Behaviour{Lacks: old, Denied: []string{"/base/a"}, Missing: vague}, "", mirror.ErrRefused},
		"denied, with MLSD":   {ftpd.Behaviour{Denied: []string{"/base/a"}, Missing: vague}, "", mirror.ErrRefused},
		"missing":             {ftpd.Behaviour{}, "none", mirror.ErrNotFound},
		"missing, vaguely":    {ftpd.Behaviour{Lacks: old, Missing: vague}, "none", mirror.ErrNotFound},
		"missing, with MLSD":  {ftpd.Behaviour{Missing: vague}, "none", mirror.ErrNotFound},
		"its name says so":    {ftpd.Behaviour{Lacks: old, Denied: []string{"/base/d/not found"}, Missing: "not found: " + vague}, "d/not found", mirror.ErrRefused},
		"no such directory":   {ftpd.Behaviour{Lacks: old, Missing: vague}, "none/at/all", mirror.ErrNotFound},
		"a denied directory":  {ftpd.Behaviour{Lacks: old, Denied: []string{"/base/d"}, Missing: vague}, "d/none", mirror.ErrRefused},
		"secret directory":    {ftpd.Behaviour{Missing: vague, Lacks: old, Answers: map[string]string{"NLST": "550 Permission denied"}}, "d/none", mirror.ErrBroken},
		"who knows":           {ftpd.Behaviour{Lacks: []string{"MLST", "NLST"}, Missing: vague}, "d/none", mirror.ErrBroken},
		"a directory":         {ftpd.Behaviour{}, "d", mirror.ErrIsDirectory},
		"directory, old":      {ftpd.Behaviour{Lacks: old}, "d", mirror.ErrIsDirectory},
		"directory, vaguely":  {ftpd.Behaviour{Lacks: old, Missing: vague}, "d", mirror.ErrIsDirectory},
		"a name of two lines": {ftpd.Behaviour{}, "a\r\nDELE b", mirror.ErrBroken},
		"no SIZE, no MDTM":    {ftpd.Behaviour{Lacks: []string{"MLST", "SIZE", "MDTM"}}, "none", mirror.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ftpd.New(t)
			s.Set("/base/a", origin.File{Seed: 1, Size: size})
			s.Set("/base/d/not found", origin.File{})
			s.Behave(test.b)
			u := overFTP(t, "ftp://user:secret@"+s.Addr+"/base/", impatient)
			path := test.path
			if path == "" {
				path = "a"
			}
			a := newAttempt(t, path, nil)
			err := a.fails(u, test.want)
			if strings.Contains(err.Error(), "user") || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells %v", err)
			}
			if slices.ContainsFunc(s.Commands(), func(c string) bool { return strings.HasPrefix(c, "DELE") }) {
				t.Errorf("commands %q", s.Commands())
			}
		})
	}
}

// TestFTPUnreachable: what goes wrong before there is anything to ask.
func TestFTPUnreachable(t *testing.T) {
	clear := ftpd.New(t)
	locked := ftpd.New(t, ftpd.Login("user", "other"))
	for base, want := range map[string]error{
		"ftp://user:secret@127.0.0.1:1/":           mirror.ErrBroken, // nobody listens
		"ftp://user:secret@" + locked.Addr + "/":   mirror.ErrRefused,
		"ftps://user:secret@" + clear.Addr + "/d/": mirror.ErrBroken,
	} {
		u := overFTP(t, base, nil)
		newAttempt(t, "a", nil).upstreamFails(u, want)
		if strings.Contains(u.String()+u.URL("a"), "secret") {
			t.Errorf("%s tells the password", u)
		}
	}
	if slices.Contains(clear.Commands(), "PASS") {
		t.Error("the password of an ftps URL was sent in the clear")
	}
}

// TestFTPBreaks: what came before a break is kept, and gone on with.
func TestFTPBreaks(t *testing.T) {
	one := origin.File{Seed: 1, Size: size}
	for name, test := range map[string]struct {
		b    ftpd.Behaviour
		want error
	}{
		"the data":         {ftpd.Behaviour{CutAfter: 200_000}, mirror.ErrBroken},
		"everything":       {ftpd.Behaviour{CutAfter: 200_000, Vanish: true}, mirror.ErrBroken},
		"226 all the same": {ftpd.Behaviour{CutAfter: 200_000, Whole: true}, mirror.ErrBroken},
		"silence":          {ftpd.Behaviour{StallAfter: 200_000}, mirror.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			s := ftpd.New(t)
			s.Set("/a", one)
			test.b.Path, test.b.Times = "/a", 1
			s.Behave(test.b)
			u := overFTP(t, "ftp://"+s.Addr+"/", impatient)
			a := newAttempt(t, "a", nil)
			if _, err := u.Fetch(t.Context(), a.Request); !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			have := a.dst()
			if len(have) != 200_000 || a.wrote != 200_000 {
				t.Fatalf("%d bytes were kept, %d told of", len(have), a.wrote)
			}
			again := newAttempt(t, "a", have)
			again.Have, again.SameUpstream = a.started[0], true
			again.succeeds(u, origin.Bytes(1, size))
			if n := slices.Index(s.Commands(), "REST 134464"); n < 0 {
				t.Errorf("it is not resumed 64 KiB before the break: %q", s.Commands())
			}
		})
	}
}

// TestFTPChanges: a file that changes while it is sent is no version.
func TestFTPChanges(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct{ is, becomes origin.File }{
		"another time":    {origin.File{Seed: 1, Size: size}, origin.File{Seed: 1, Size: size, ModTime: now}},
		"still uploading": {origin.File{Seed: 1, Size: size, ModTime: now}, origin.File{Seed: 1, Size: size + 1, ModTime: now}},
	} {
		s := ftpd.New(t)
		u := overFTP(t, "ftp://"+s.Addr+"/", nil)
		s.Set("/a", test.is)
		meta, err := u.Stat(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		s.Behave(ftpd.Behaviour{Path: "/a", ChangeTo: &test.becomes})
		a := newAttempt(t, "a", nil)
		if _, err := u.Fetch(t.Context(), a.Request); !errors.Is(err, mirror.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
		s.Set("/a", test.is)
		body, err := u.Range(t.Context(), "a", 0, size-1, meta)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); !errors.Is(err, mirror.ErrChanged) || len(got) == size {
			t.Errorf("%s: relayed: %d bytes, %v", name, len(got), err)
		}
		body.Close()
	}
}

// TestFTPLacks: what a server cannot do costs what hangs on it, no more.
func TestFTPLacks(t *testing.T) {
	one := origin.File{Seed: 1, Size: size}
	whole := origin.Bytes(1, size)
	start := func(t *testing.T, lacks ...string) (*ftpd.Server, *FTP) {
		s := ftpd.New(t)
		s.Set("/a", one)
		s.Behave(ftpd.Behaviour{Lacks: append(lacks, "MLST")})
		return s, overFTP(t, "ftp://"+s.Addr+"/", nil)
	}
	t.Run("SIZE", func(t *testing.T) {
		s, u := start(t, "SIZE")
		m, err := u.Stat(t.Context(), "a")
		if err != nil || m.Size != -1 || !m.ModTime.Equal(origin.Epoch) || m.Pinned() {
			t.Errorf("%+v, %v", m, err)
		}
		a := newAttempt(t, "a", nil)
		res, err := u.Fetch(t.Context(), a.Request)
		if err != nil || res.Meta.Size != size || !bytes.Equal(a.dst(), whole) {
			t.Errorf("%+v, %v", res, err)
		}
		a = newAttempt(t, "a", nil)
		a.MaxSize = 1000
		if _, err := u.Fetch(t.Context(), a.Request); !errors.Is(err, mirror.ErrTooLarge) || a.wrote > a.MaxSize {
			t.Errorf("%d bytes, %v", a.wrote, err)
		}
		s.Behave(ftpd.Behaviour{Lacks: []string{"MLST", "SIZE"}, CutAfter: 1000})
		a = newAttempt(t, "a", nil)
		if _, err := u.Fetch(t.Context(), a.Request); !errors.Is(err, mirror.ErrBroken) {
			t.Errorf("a break: %v", err)
		}
	})
	t.Run("MDTM", func(t *testing.T) {
		_, u := start(t, "MDTM")
		meta := newAttempt(t, "a", nil).succeeds(u, whole)
		if meta.Pinned() || !meta.ModTime.IsZero() {
			t.Errorf("%+v", meta)
		}
		body, err := u.Range(t.Context(), "a", 0, size-1, meta)
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if err := origin.Check(body, 1, size); err != nil {
			t.Error(err)
		}
	})
	t.Run("both", func(t *testing.T) {
		_, u := start(t, "SIZE", "MDTM")
		a := newAttempt(t, "a", nil)
		if _, err := u.Fetch(t.Context(), a.Request); err != nil || !bytes.Equal(a.dst(), whole) {
			t.Error(err)
		}
	})
	t.Run("REST", func(t *testing.T) {
		_, u := start(t, "REST")
		a := newAttempt(t, "a", whole[:200_000])
		a.Have, a.SameUpstream = mirror.Meta{Size: size, ModTime: origin.Epoch, LastModified: settled(origin.Epoch, time.Now())}, true
		meta := a.succeeds(u, whole)
		a = newAttempt(t, "a", append([]byte{1}, whole[1:200_000]...)) // compared from the first byte on
		a.Have, a.SameUpstream = meta, true
		a.upstreamFails(u, mirror.ErrChanged)
		if _, err := u.Range(t.Context(), "a", 10, 20, meta); !errors.Is(err, mirror.ErrChanged) {
			t.Errorf("a range: %v", err)
		}
	})
}

// TestFTPConnections: they are kept, replaced when they were lost, and not kept
// without bounds.
func TestFTPConnections(t *testing.T) {
	s := ftpd.New(t)
	s.Set("/a", origin.File{Seed: 1, Size: size})
	u := overFTP(t, "ftp://"+s.Addr+"/", nil)
	for range 3 {
		newAttempt(t, "a", nil).succeeds(u, origin.Bytes(1, size))
		newAttempt(t, "none", nil).upstreamFails(u, mirror.ErrNotFound)
	}
	if n := s.Logins(); n != 1 {
		t.Errorf("%d logins for what one does", n)
	}
	s.Hangup()
	newAttempt(t, "a", nil).succeeds(u, origin.Bytes(1, size))
	if n := s.Logins(); n != 2 {
		t.Errorf("%d logins after a hang-up", n)
	}
	var wg sync.WaitGroup
	var ready sync.WaitGroup // all transfers go on at the same time
	ready.Add(2 * maxIdleFTP)
	for range 2 * maxIdleFTP {
		a := newAttempt(t, "a", nil)
		a.Start = func(mirror.Meta) (*os.File, error) {
			ready.Done()
			ready.Wait()
			return a.file, nil
		}
		wg.Go(func() {
			if _, err := u.Fetch(t.Context(), a.Request); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(u.pool.idle); n != maxIdleFTP {
		t.Errorf("%d connections are kept, want %d", n, maxIdleFTP)
	}
	old := u.pool.idle[0].Conn
	u.pool.expire(old)
	if n := len(u.pool.idle); n != maxIdleFTP-1 || old.Usable() {
		t.Errorf("after one has expired %d are kept; it is usable: %v", n, old.Usable())
	}
	inUse := u.pool.get()
	u.pool.expire(inUse) // its time came when it was taken
	if !inUse.Usable() {
		t.Error("a connection in use has expired")
	}
	u.pool.put(inUse)
}

// TestFTPSlow: bytes that only drip are no progress.
func TestFTPSlow(t *testing.T) {
	s := ftpd.New(t)
	s.Set("/a", origin.File{Seed: 1, Size: size})
	u := overFTP(t, "ftp://"+s.Addr+"/", func(o *FTPOptions) { o.LowSpeed, o.LowSpeedTime = 1<<50, time.Nanosecond })
	a := newAttempt(t, "a", nil)
	if _, err := u.Fetch(t.Context(), a.Request); !errors.Is(err, mirror.ErrTimeout) {
		t.Errorf("error %v", err)
	}
	if _, err := u.List(t.Context(), "", nil); !errors.Is(err, mirror.ErrTimeout) {
		t.Errorf("a listing: %v", err)
	}
}

// TestFTPPaths: RFC 1738 on where a path begins.
func TestFTPPaths(t *testing.T) {
	s := ftpd.New(t)
	s.Behave(ftpd.Behaviour{Answers: map[string]string{"PWD": `257 "/home/""x"`}})
	s.Set(`/home/"x/pub/a`, origin.File{Seed: 1, Size: 1})
	s.Set("/pub/a", origin.File{Seed: 2, Size: 1})
	for base, seed := range map[string]uint64{"/pub/": 1, "//pub/": 2, "/%2Fpub/": 2} {
		newAttempt(t, "a", nil).succeeds(overFTP(t, "ftp://"+s.Addr+base, nil), origin.Bytes(seed, 1))
	}
}

// TestFTPHTML: a page is no package, whoever sends it.
func TestFTPHTML(t *testing.T) {
	s := ftpd.New(t)
	s.Set("/a.deb", origin.File{Body: []byte("<!DOCTYPE html><html><title>Welcome</title>")})
	a := newAttempt(t, "a.deb", nil)
	a.RefuseHTML = true
	a.upstreamFails(overFTP(t, "ftp://"+s.Addr+"/", nil), mirror.ErrBroken)
}
