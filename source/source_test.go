package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/listing"
)

// upstream is a source and the hand that rules what it serves.
type upstream interface {
	Source
	// Set puts a file, or its next version, at path, whatever its name.
	Set(path mirror.Name, f origin.File)
	// Break lets the next answer for path end after n bytes.
	Break(path mirror.Name, n int64)
}

// TestHTTP holds HTTP to the contract of Source.
func TestHTTP(t *testing.T) {
	testSource(t, func(t *testing.T) upstream {
		o := origin.New(t)
		return httpUpstream{over(t, o.URL+"/base/", configured(o)), o}
	})
}

type httpUpstream struct {
	*HTTP
	origin *origin.Origin
}

func (u httpUpstream) Set(path mirror.Name, f origin.File) { u.origin.Set("/base/"+string(path), f) }
func (u httpUpstream) Break(path mirror.Name, n int64) {
	u.origin.Behave("/base/"+string(path), origin.Behaviour{CutAfter: n, Times: 1})
}

// attempt is one Request and what became of it.
type attempt struct {
	Request
	t       *testing.T
	file    *os.File
	started []mirror.Meta
	wrote   int64
}

// newAttempt is a request for path, of which these bytes are at hand.
func newAttempt(t *testing.T, path mirror.Name, have []byte) *attempt {
	t.Helper()
	name := filepath.Join(t.TempDir(), "part")
	if err := os.WriteFile(name, have, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	a := &attempt{t: t, file: f, Request: Request{Path: path}}
	if len(have) > 0 {
		a.Part = f
	}
	a.Start = func(m mirror.Meta) (*os.File, error) {
		if a.wrote > 0 {
			t.Error("Start is called after Wrote")
		}
		a.started = append(a.started, m)
		return f, nil
	}
	a.Wrote = func(n int) { a.wrote += int64(n) }
	return a
}

// dst returns what the file has.
func (a *attempt) dst() []byte {
	a.t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(a.file, 0, 1<<40))
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

// succeeds fetches, and checks that Dst then has exactly want.
func (a *attempt) succeeds(s Source, want []byte) mirror.Meta {
	a.t.Helper()
	before := int64(len(a.dst()))
	res, err := s.Fetch(a.t.Context(), a.Request)
	if err != nil {
		a.t.Fatalf("Fetch: %v", err)
	}
	if !bytes.Equal(a.dst(), want) {
		a.t.Fatalf("Dst has %d bytes that are not the %d of the file", len(a.dst()), len(want))
	}
	if res.Meta.Size != int64(len(want)) || res.Unframed {
		a.t.Errorf("the result says %+v", res)
	}
	if a.wrote != int64(len(want))-before {
		a.t.Errorf("Wrote was told of %d bytes, want %d", a.wrote, int64(len(want))-before)
	}
	if len(a.started) != 1 || a.started[0] != res.Meta {
		a.t.Errorf("Start was told %+v, the result is %+v", a.started, res.Meta)
	}
	return res.Meta
}

// fails fetches, and checks the error's kind and that Dst has what it had.
func (a *attempt) fails(s Source, kind error) error {
	a.t.Helper()
	before := a.dst()
	_, err := s.Fetch(a.t.Context(), a.Request)
	if !errors.Is(err, kind) {
		a.t.Fatalf("error %v, want %v", err, kind)
	}
	if !bytes.Equal(a.dst(), before) || a.wrote > 0 {
		a.t.Errorf("Dst had %d bytes and has %d now; Wrote was told of %d", len(before), len(a.dst()), a.wrote)
	}
	return err
}

// upstreamFails is fails for an error of the upstream's.
func (a *attempt) upstreamFails(s Source, kind error) {
	a.t.Helper()
	err := a.fails(s, kind)
	var e *Error
	if !errors.As(err, &e) || e.Upstream != s.String() || e.Path != a.Path {
		a.t.Errorf("the error is no *Error that names the upstream: %#v", err)
	}
	if len(a.started) > 0 {
		a.t.Errorf("Start was called: %+v", a.started)
	}
}

// size of the file that most tests use: more than the overlap, and odd.
const size = 300_001

// testSource is the contract of Source, as its comments say it, for sources
// that start gives: each with an upstream of its own.
func testSource(t *testing.T, start func(*testing.T) upstream) {
	const path = "pool/a.deb"
	one := origin.File{Seed: 1, Size: size}
	two := origin.File{Seed: 2, Size: size, ModTime: origin.Epoch.Add(time.Hour)}
	bytesOf := func(f origin.File) []byte { return origin.Bytes(f.Seed, f.Size) }

	// with returns a source whose upstream has f at path, and what it says of it.
	with := func(t *testing.T, f origin.File) (upstream, mirror.Meta) {
		u := start(t)
		u.Set(path, f)
		meta := newAttempt(t, path, nil).succeeds(u, bytesOf(f))
		return u, meta
	}

	t.Run("whole", func(t *testing.T) {
		u := start(t)
		for _, n := range []int64{0, 1, overlap - 1, overlap, overlap + 1, 1 << 20} {
			f := origin.File{Seed: uint64(n), Size: n}
			u.Set(path, f)
			meta := newAttempt(t, path, nil).succeeds(u, bytesOf(f))
			if !meta.ModTime.Equal(origin.Epoch) {
				t.Errorf("%d bytes: mtime %v, want the upstream's", n, meta.ModTime)
			}
		}
	})

	// What becomes of the year 9999 in a file of the upstream is out of reach as well.
	t.Run("a time that no file can have", func(t *testing.T) {
		_, meta := with(t, origin.File{Seed: 1, Size: size, ModTime: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)})
		if year := meta.ModTime.Year(); year < 1902 && !meta.ModTime.IsZero() || year > 2261 || meta.ModTime.IsZero() && meta.LastModified != "" {
			t.Errorf("the time is %v, and %q a validator", meta.ModTime, meta.LastModified)
		}
	})

	t.Run("names", func(t *testing.T) {
		u := start(t)
		for i, name := range []mirror.Name{"a b+c%20.deb", "100%", "#?&;=", "~u/ü~1:2-3_all.deb", "a/[x]{y}|^`\"<>'/b"} {
			f := origin.File{Seed: uint64(i), Size: 10}
			u.Set(name, f)
			newAttempt(t, name, nil).succeeds(u, bytesOf(f))
		}
	})

	t.Run("not there", func(t *testing.T) {
		u := start(t)
		newAttempt(t, path, nil).upstreamFails(u, mirror.ErrNotFound)
		if _, err := u.Stat(t.Context(), path); !errors.Is(err, mirror.ErrNotFound) {
			t.Errorf("Stat: %v", err)
		}
		if body, err := u.Range(t.Context(), path, 0, 9, mirror.Meta{Size: 10}); !errors.Is(err, mirror.ErrNotFound) {
			t.Errorf("Range: %v", err)
			if err == nil {
				body.Close()
			}
		}
	})

	t.Run("a directory", func(t *testing.T) {
		u, _ := with(t, one)
		newAttempt(t, "pool", nil).upstreamFails(u, mirror.ErrIsDirectory)
	})

	t.Run("List", func(t *testing.T) {
		u := start(t)
		is := map[string]listing.Type{"sub": listing.Dir}
		for _, name := range []string{"a b+c%20.deb", "100%", "#?&;=", "~ü~1:2-3_all.deb", "[x]{y}|^`\"<>'*", "-l"} {
			u.Set(mirror.Name("d").Join(name), one)
			is[name] = listing.File
		}
		u.Set("d/sub/b", one)
		got, err := u.(Lister).List(t.Context(), "d", nil)
		if err != nil || !got.Ended || got.Unread > 0 || len(got.Entries) != len(is) {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, e := range got.Entries {
			want, ok := is[e.Name]
			if !ok || e.Type != want && e.Type != listing.Unknown {
				t.Errorf("%q is a %v", e.Name, e.Type)
			}
			if want == listing.File && (!e.Size.Holds(size) || !e.MTime.Holds(origin.Epoch.Unix())) {
				t.Errorf("%q: size %v, time %v", e.Name, e.Size, e.MTime)
			}
		}
		if got, err := u.(Lister).List(t.Context(), "none", nil); !errors.Is(err, mirror.ErrNotFound) {
			t.Errorf("of nothing: %+v, %v", got, err)
		}
	})

	t.Run("resume", func(t *testing.T) {
		u, meta := with(t, one)
		for _, have := range []int64{1, overlap, overlap + 1, size - 1, size} {
			for _, same := range []bool{true, false} {
				a := newAttempt(t, path, bytesOf(one)[:have])
				a.Have, a.SameUpstream = meta, same
				a.succeeds(u, bytesOf(one))
			}
		}
	})

	t.Run("resume after a break", func(t *testing.T) {
		u := start(t)
		u.Set(path, one)
		u.Break(path, 200_000)
		a := newAttempt(t, path, nil)
		_, err := u.Fetch(t.Context(), a.Request)
		if !errors.Is(err, mirror.ErrBroken) {
			t.Fatalf("error %v, want that it is broken", err)
		}
		have := a.dst()
		if int64(len(have)) != a.wrote || len(have) == 0 || !bytes.HasPrefix(bytesOf(one), have) {
			t.Fatalf("%d bytes were kept, %d were told of, or they are not a prefix", len(have), a.wrote)
		}
		again := newAttempt(t, path, have)
		again.Have, again.SameUpstream = a.started[0], true
		again.succeeds(u, bytesOf(one))
	})

	t.Run("changed", func(t *testing.T) {
		for name, next := range map[string]origin.File{
			"another time":   two,
			"longer":         {Seed: 1, Size: size + 1, ModTime: two.ModTime},
			"shorter":        {Seed: 1, Size: size - 1, ModTime: two.ModTime},
			"shorter yet":    {Seed: 1, Size: 10, ModTime: two.ModTime},
			"empty":          {Seed: 1, Size: 0, ModTime: two.ModTime},
			"unnoticed else": {Seed: 2, Size: size}, // of the same size and time
		} {
			t.Run(name, func(t *testing.T) {
				u, meta := with(t, one)
				u.Set(path, next)
				for _, have := range []int64{1000, 200_000} {
					for _, same := range []bool{true, false} {
						a := newAttempt(t, path, bytesOf(one)[:have])
						a.Have, a.SameUpstream = meta, same
						a.upstreamFails(u, mirror.ErrChanged)
					}
				}
			})
		}
	})

	t.Run("not modified", func(t *testing.T) {
		u, meta := with(t, one)
		a := newAttempt(t, path, nil)
		a.Held = &meta
		a.fails(u, ErrNotModified)
		if len(a.started) > 0 {
			t.Error("Start was called")
		}
		u.Set(path, two)
		a.succeeds(u, bytesOf(two))
	})

	t.Run("Start objects", func(t *testing.T) {
		u, _ := with(t, one)
		objection := fmt.Errorf("no: %w", mirror.ErrStore)
		a := newAttempt(t, path, nil)
		a.Start = func(mirror.Meta) (*os.File, error) { return nil, objection }
		if err := a.fails(u, objection); err != objection {
			t.Errorf("the error became %v", err)
		}
	})

	t.Run("too large", func(t *testing.T) {
		u, _ := with(t, one)
		a := newAttempt(t, path, nil)
		a.MaxSize = size - 1
		a.upstreamFails(u, mirror.ErrTooLarge)
		a.MaxSize = size
		a.succeeds(u, bytesOf(one))
	})

	t.Run("cancelled", func(t *testing.T) {
		u, _ := with(t, one)
		ctx, cancel := context.WithCancel(t.Context())
		a := newAttempt(t, path, nil)
		a.Start = func(mirror.Meta) (*os.File, error) { cancel(); return a.file, nil }
		_, err := u.Fetch(ctx, a.Request)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if !bytes.HasPrefix(bytesOf(one), a.dst()) {
			t.Error("what was appended is no prefix of the file")
		}
	})

	t.Run("disk", func(t *testing.T) {
		u, _ := with(t, one)
		a := newAttempt(t, path, nil)
		a.file.Close()
		if _, err := u.Fetch(t.Context(), a.Request); !errors.Is(err, mirror.ErrStore) {
			t.Errorf("error %v, want the store's", err)
		}
	})

	t.Run("Stat", func(t *testing.T) {
		u, meta := with(t, one)
		got, err := u.Stat(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Size == -1 {
			got.Size = meta.Size
		}
		if got != meta {
			t.Errorf("Stat says %+v, Fetch %+v", got, meta)
		}
	})

	t.Run("Range", func(t *testing.T) {
		u, meta := with(t, one)
		read := func(first, last int64, pin mirror.Meta) ([]byte, error) {
			body, err := u.Range(t.Context(), path, first, last, pin)
			if err != nil {
				return nil, err
			}
			defer body.Close()
			return io.ReadAll(body)
		}
		for _, span := range [][2]int64{{0, 0}, {0, 999}, {100_000, 200_000}, {size - 1, size - 1}, {0, size - 1}} {
			b, err := read(span[0], span[1], meta)
			if err != nil || !bytes.Equal(b, bytesOf(one)[span[0]:span[1]+1]) {
				t.Errorf("%v: %d bytes, %v", span, len(b), err)
			}
		}
		// Without a validator it has to be the whole file, of the same length.
		if b, err := read(0, size-1, mirror.Meta{Size: size}); err != nil || !bytes.Equal(b, bytesOf(one)) {
			t.Errorf("not pinned: %d bytes, %v", len(b), err)
		}
		for name, f := range map[string]func() ([]byte, error){
			"a part, not pinned":  func() ([]byte, error) { return read(1, 9, mirror.Meta{Size: size}) },
			"another length":      func() ([]byte, error) { return read(0, size, mirror.Meta{Size: size + 1}) },
			"another version":     func() ([]byte, error) { u.Set(path, two); return read(1, 9, meta) },
			"another, from first": func() ([]byte, error) { u.Set(path, two); return read(0, size-1, meta) },
			"it is shorter": func() ([]byte, error) {
				u.Set(path, origin.File{Seed: 1, Size: 10, ModTime: two.ModTime})
				return read(100, 199, meta)
			},
		} {
			u.Set(path, one)
			if b, err := f(); !errors.Is(err, mirror.ErrChanged) {
				t.Errorf("%s: %d bytes, error %v, want that it has changed", name, len(b), err)
			}
		}
	})

	t.Run("at the same time", func(t *testing.T) {
		u := start(t)
		var wg sync.WaitGroup
		for i := range 8 {
			name := mirror.Name(fmt.Sprint("file", i))
			f := origin.File{Seed: uint64(i), Size: size}
			u.Set(name, f)
			a := newAttempt(t, name, nil)
			wg.Go(func() {
				if _, err := u.Fetch(t.Context(), a.Request); err != nil {
					t.Error(err)
				}
				if !bytes.Equal(a.dst(), bytesOf(f)) {
					t.Errorf("%s is not the file", name)
				}
			})
		}
		wg.Wait()
	})
}
