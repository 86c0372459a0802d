package source

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
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
	"mirror/listing"
)

// said is the daemon's half of a connection, built by hand.
type said struct{ bytes.Buffer }

// welcome is up to where the frames begin.
func welcome() *said {
	s := &said{}
	s.WriteString("@RSYNCD: 31.0 md5\n\n@RSYNCD: OK\n\x1e1234")
	return s
}

func (s *said) frame(kind byte, data string) *said {
	n := len(data)
	s.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), kind + 7})
	s.WriteString(data)
	return s
}

func (s *said) data(parts ...any) *said {
	var b []byte
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			b = append(b, v...)
		case int:
			b = binary.LittleEndian.AppendUint32(b, uint32(int32(v)))
		}
	}
	return s.frame(frameData, string(b))
}

// file is the list's entry of a file of less than 64 KiB.
func file(name string, size int) string {
	b := append([]byte{0x18, byte(len(name))}, name...)
	b = append(b, 0, byte(size), byte(size>>8)) // size
	b = append(b, 0, 0, 0, 0x10)                // mtime: 1<<20
	return string(binary.LittleEndian.AppendUint32(b, modeRegular|0o644))
}

// answer is what comes for an index, as its difference to the last.
func answer(diff byte, body string) []any {
	sum := md5.Sum([]byte(body))
	return []any{string([]byte{diff, 0, 0x80}), 0, 0, 0, 0, len(body), body, 0, string(sum[:])}
}

const farewell = "\x00\x00\x00" + "\x00\x01\x00" + "\x00\x01\x00" + "\x00\x01\x00" + "\x00\x01\x00" + "\x00\x01\x00" + "\x00"

// playback is a connection to a daemon that says what it says, whatever it hears.
type playback struct {
	net.Conn // nil: what is not below is not used
	r        io.Reader
}

func (p playback) Read(b []byte) (int, error)       { return p.r.Read(b) }
func (p playback) Write(b []byte) (int, error)      { return len(b), nil }
func (p playback) Close() error                     { return nil }
func (p playback) SetReadDeadline(time.Time) error  { return nil }
func (p playback) SetWriteDeadline(time.Time) error { return nil }

// hears returns the source of a daemon that says this.
func hears(b []byte) *Rsync {
	r := NewRsync(&url.URL{Scheme: "rsync", Host: "one.example", Path: "/m/"}, RsyncOptions{})
	r.dial = func(context.Context) (net.Conn, error) { return playback{r: bytes.NewReader(b)}, nil }
	return r
}

// hostile are halves of connections, and what the error has to say of each.
func hostile() map[string]struct {
	said  *said
	kind  error
	cause string
} {
	type c = struct {
		said  *said
		kind  error
		cause string
	}
	text := func(s string) *said { return &said{*bytes.NewBufferString(s)} }
	a10 := func() *said { return welcome().data(file("a", 10), "\x00") }
	broken := mirror.ErrBroken
	return map[string]c{
		"nothing":            {text(""), broken, "the connection ended"},
		"another server":     {text("HTTP/1.1 400 Bad Request\r\n"), broken, "no rsync daemon"},
		"an old one":         {text("@RSYNCD: 27.0\n"), broken, "protocol 27"},
		"an endless line":    {text(strings.Repeat("x", 2<<20)), broken, "no rsync daemon"},
		"an endless motd":    {text("@RSYNCD: 31.0\n" + strings.Repeat("x", 2<<20)), broken, "no end"},
		"only a greeting":    {text("@RSYNCD: 31.0\n"), broken, "the connection ended"},
		"an error":           {text("@RSYNCD: 31.0\n@ERROR: bad \x1b[31mthing\n"), broken, "bad ?[31mthing"},
		"flags nobody set":   {text("@RSYNCD: 31.0\n@RSYNCD: OK\n\x801234"), broken, "not the rsync protocol"},
		"a frame of no kind": {welcome().frame(99, ""), broken, "kind 99"},
		"a long message":     {welcome().frame(frameInfo, strings.Repeat("x", maxText+1)), broken, "a message of"},
		"endless messages":   {text(welcome().String() + strings.Repeat("\x00\x00\x00\x09", maxHeard+1)), broken, "without end"},
		"it gives up":        {welcome().frame(frameError, "all is lost\n").frame(frameErrorExit, "\x01\x00\x00\x00"), broken, "all is lost"},

		"no name":            {welcome().data("\x18\x00"), broken, "a name of"},
		"a shared name":      {welcome().data("\x20\x05\x01x"), broken, "a name of"},
		"a long name":        {welcome().data("\x58\xa0\x00" + strings.Repeat("x", 300)), broken, "a name of"},
		"a huge name":        {welcome().data("\x58\xf0\xff\xff\xff\x7f"), broken, "a name of"},
		"a size below zero":  {welcome().data("\x18\x01a\xfc\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), broken, "a size or a time"},
		"a list in pieces":   {welcome().data(file("a", 10)), broken, "the connection ended"},
		"too many entries":   {welcome().data(file("a", 10), file("b", 1), file("c", 1)), broken, "more than 2 entries"},
		"a link to nowhere":  {welcome().data("\x1c\x02\x01a\x05"), broken, "a hard link to entry 5"},
		"another name":       {welcome().data(file("b", 10), "\x00"), broken, "does not say why"},
		"no list":            {welcome().data("\x00"), broken, "does not say why"},
		"silently not there": {welcome().frame(frameErrorXfer, `link_stat "/a" (in m) failed: Keine Datei (2)`+"\n").data("\x00"), mirror.ErrNotFound, "Keine Datei"},

		"no answer":            {a10(), broken, "the connection ended"},
		"another answer":       {a10().data(answer(7, "0123456789")...), broken, "left out"},
		"an answer below zero": {a10().data("\xff\x01"), broken, "below zero"},
		"all is done":          {a10().data(farewell), broken, "left out"},
		"not sent":             {a10().frame(frameNoSend, "\x00\x00\x00\x00").data(farewell), broken, "does not say why"},
		"not sent, and why":    {a10().frame(frameErrorXfer, `send_files failed to open "/a" (in m): Verboten (13)`).frame(frameNoSend, "\x00\x00\x00\x00").data(farewell), mirror.ErrRefused, "Verboten"},
		"vanished":             {a10().frame(frameWarning, `file has vanished: "/a" (in m)`+"\n").frame(frameNoSend, "\x00\x00\x00\x00").data(farewell), mirror.ErrNotFound, "vanished"},
		"a short refusal":      {a10().frame(frameNoSend, "\x00"), broken, "a refusal"},
		"a block of ours":      {a10().data("\x01\x00\x80", 0, 0, 0, 0, -1), broken, "a block of ours"},
		"longer":               {a10().data(answer(1, "01234567890")...), mirror.ErrChanged, "longer"},
		"shorter":              {a10().data(answer(1, "012345678")...), mirror.ErrChanged, "1 bytes shorter"},
		"another digest":       {a10().data("\x01\x00\x80", 0, 0, 0, 0, 10, "0123456789", 0, strings.Repeat("x", 16)), mirror.ErrChanged, "checksum"},
		"cut":                  {a10().data("\x01\x00\x80", 0, 0, 0, 0, 10, "01234"), broken, "the connection ended"},
		"it breaks down":       {a10().data("\x01\x00\x80", 0, 0, 0, 0, 10, "01234").frame(frameError, "out of memory").frame(frameErrorExit, ""), broken, "out of memory"},
	}
}

func TestRsyncHostile(t *testing.T) {
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			a := newAttempt(t, "a", nil)
			_, err := hears(c.said.Bytes()).Fetch(t.Context(), a.Request)
			var own *Error
			if !errors.Is(err, c.kind) || !errors.As(err, &own) || !strings.Contains(err.Error(), c.cause) {
				t.Errorf("error %v, want %v that says %q", err, c.kind, c.cause)
			}
		})
	}
	good := welcome().data(file("a", 10), "\x00").data(answer(1, "0123456789")...).data(farewell)
	newAttempt(t, "a", nil).succeeds(hears(good.Bytes()), []byte("0123456789"))
}

// TestRsyncHostileNames: a name of a listing is never a path.
func TestRsyncHostileNames(t *testing.T) {
	names := []string{"..", "../x", "/etc/passwd", "a/b", "a\x00b", ""}
	s := welcome().data(file(".", 0))
	for _, name := range names[:5] {
		s.data(file(name, 1))
	}
	s.data(file("good", 1), "\x00").data(farewell)
	r := hears(s.Bytes())
	l, err := r.List(t.Context(), "", nil)
	if err != nil || len(l.Entries) != 1 || l.Entries[0].Name != "good" || l.Unread != 5 || l.FirstUnread != ".." {
		t.Errorf("%+v, %v", l, err)
	}
	var walked []string
	_, unread, err := r.Walk(t.Context(), "", func(dir string, e listing.Entry) error {
		walked = append(walked, filepath.Join(dir, e.Name))
		return nil
	})
	if err != nil || unread != 4 || len(walked) != 2 {
		t.Errorf("%v, %d unread, %v", walked, unread, err)
	}
}

// FuzzRsync: whatever a daemon says, there is an error of ours or the file.
func FuzzRsync(f *testing.F) {
	for _, c := range hostile() {
		if c.said.Len() < 1<<10 {
			f.Add(c.said.Bytes())
		}
	}
	f.Add(welcome().data(file("a", 10), "\x00").data(answer(1, "0123456789")...).data(farewell).Bytes())
	f.Add(welcome().data(file(".", 0), file("b", 0), "\x24\x22\x00\x01c\x01", "\x00").data(farewell).Bytes())
	dst, err := os.OpenFile(filepath.Join(f.TempDir(), "a"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		f.Fatal(err)
	}
	defer dst.Close()
	f.Fuzz(func(t *testing.T, said []byte) {
		r := hears(said)
		check := func(err error) {
			var own *Error
			if err != nil && !errors.As(err, &own) {
				t.Errorf("an error that does not name the upstream: %#v", err)
			}
		}
		if err := dst.Truncate(0); err != nil {
			t.Fatal(err)
		}
		res, err := r.Fetch(t.Context(), Request{Path: "a", Wrote: func(int) {}, Start: func(mirror.Meta) (*os.File, error) { return dst, nil }})
		check(err)
		if fi, _ := dst.Stat(); err == nil && fi.Size() != res.Meta.Size {
			t.Errorf("%d bytes of %d are the whole file", fi.Size(), res.Meta.Size)
		}
		l, err := r.List(t.Context(), "", nil)
		check(err)
		for _, e := range l.Entries {
			if !listing.ValidName(e.Name) {
				t.Errorf("an entry is called %q", e.Name)
			}
		}
		_, _, err = r.Walk(t.Context(), "", func(string, listing.Entry) error { return nil })
		check(err)
		if body, err := r.Range(t.Context(), "a", 0, 9, mirror.Meta{Size: 10}); err == nil {
			if b, err := io.ReadAll(body); err == nil && len(b) != 10 {
				t.Errorf("%d bytes of 10", len(b))
			}
		} else {
			check(err)
		}
	})
}

// FuzzRsyncNumbers: what is written is read.
func FuzzRsyncNumbers(f *testing.F) {
	f.Add(int32(0), int32(1))
	f.Add(int32(300), int32(299))
	f.Add(int32(1<<30), int32(40_000))
	f.Fuzz(func(t *testing.T, a, b int32) {
		var wire bytes.Buffer
		w := newRsyncWriter(&wire)
		indices := []int{int(a &^ (-1 << 31)), int(b &^ (-1 << 31))}
		for _, i := range indices {
			w.index(i)
			w.int(i)
		}
		w.done()
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		r := readerOf(wire.Bytes())
		for _, want := range indices {
			if i, done := r.index(); i != want || done {
				t.Errorf("index %d became %d, %v", want, i, done)
			}
			if i := r.int(); i != want {
				t.Errorf("%d became %d", want, i)
			}
		}
		if _, done := r.index(); !done || r.err != nil {
			t.Errorf("no end: %v", r.err)
		}
	})
}
