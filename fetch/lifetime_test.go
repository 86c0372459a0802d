package fetch

import (
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// TestUpstreamSaysHowLong: Cache-Control and Expires of a file that no index vouches
// for are honoured, within bounds.
func TestUpstreamSaysHowLong(t *testing.T) {
	at := func(after time.Duration) string {
		return time.Now().Add(after).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	}
	for _, c := range []struct {
		name         mirror.Name
		header       map[string]string
		fresh, stale time.Duration // after that long it is not asked for yet; it is
	}{
		{"plain", nil, 9 * time.Minute, 11 * time.Minute},
		{"short", map[string]string{"Cache-Control": "max-age=60"}, 50 * time.Second, 70 * time.Second},
		{"long", map[string]string{"Cache-Control": "public, max-age=1800"}, 29 * time.Minute, 31 * time.Minute},
		{"forever", map[string]string{"Cache-Control": "max-age=31536000"}, 69 * time.Minute, 71 * time.Minute},
		{"never", map[string]string{"Cache-Control": "no-cache"}, 9 * time.Second, 11 * time.Second},
		{"expired", map[string]string{"Expires": "0"}, 9 * time.Second, 11 * time.Second},
		{"expires", map[string]string{"Expires": at(20 * time.Minute), "Date": at(0)}, 19 * time.Minute, 21 * time.Minute},
		{"aged", map[string]string{"Cache-Control": "max-age=1800", "Age": "1200"}, 9 * time.Minute, 11 * time.Minute},
		// An index goes by the mirror's own rule.
		{"dists/sid/InRelease", map[string]string{"Cache-Control": "max-age=60"}, 9 * time.Minute, 11 * time.Minute},
	} {
		t.Run(string(c.name), func(t *testing.T) {
			o := origin.New(t)
			path := "/" + string(c.name)
			o.Set(path, origin.File{Body: []byte("1")})
			s := newSite(t, "mutable = [\"*\"]\nmax_age = \"10m\"\nmax_stale = \"1h\"\n", o)
			e := s.engine()
			o.Behave(path, origin.Behaviour{Header: c.header})
			get := func(want int) {
				t.Helper()
				if _, err := s.get(e, "m/"+c.name); err != nil {
					t.Fatal(err)
				}
				s.settle(e)
				if n := o.Count(path, ""); n != want {
					t.Errorf("the upstream was asked %d times, want %d", n, want)
				}
			}
			get(1)
			// A 304 says it anew: the second time is like the first.
			for asked := 1; asked <= 2; asked++ {
				s.clock.advance(c.fresh)
				get(asked)
				s.clock.advance(c.stale - c.fresh)
				get(asked + 1)
			}
			if last := o.Requests()[1]; last.Status != 304 {
				t.Errorf("the question was not conditional: %+v", last)
			}
		})
	}
}

// TestUpstreamSaysHowLongInA304: what comes with a 304 takes the place of what came
// with the file.
func TestUpstreamSaysHowLongInA304(t *testing.T) {
	o := origin.New(t)
	o.Set("/f", origin.File{Body: []byte("1")})
	s := newSite(t, "mutable = [\"*\"]\nmax_age = \"10m\"\nmax_stale = \"1h\"\n", o)
	e := s.engine()
	for _, c := range []struct{ says, keeps string }{{"max-age=1200", "20m"}, {"max-age=60", "1m"}, {"", "1m"}} {
		o.Behave("/f", origin.Behaviour{Header: map[string]string{"Cache-Control": c.says}})
		s.clock.advance(2 * time.Hour)
		if _, err := s.get(e, "m/f"); err != nil {
			t.Fatal(err)
		}
		s.settle(e)
		rec, _, err := e.index.File(s.ctx(), "m/f")
		if want, _ := time.ParseDuration(c.keeps); err != nil || rec.Fresh != want {
			t.Errorf("after %q: %v (%v), want %v", c.says, rec.Fresh, err, want)
		}
	}
}

// TestUpstreamSaysHowLongElsewhere: what counts is the answer that a redirect leads to.
func TestUpstreamSaysHowLongElsewhere(t *testing.T) {
	o, far := origin.New(t), origin.New(t)
	far.Set("/f", origin.File{Body: []byte("1")})
	far.Behave("/f", origin.Behaviour{Header: map[string]string{"Cache-Control": "max-age=60"}})
	o.Behave("/f", origin.Behaviour{Redirect: far.URL + "/f", Header: map[string]string{"Cache-Control": "max-age=1200"}})
	s := newSite(t, "mutable = [\"*\"]\nredirect_to_private = true\n", o)
	e := s.engine()
	if _, err := s.get(e, "m/f"); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	if rec, _, err := e.index.File(s.ctx(), "m/f"); err != nil || rec.Fresh != time.Minute {
		t.Errorf("%v, %v", rec.Fresh, err)
	}
}
