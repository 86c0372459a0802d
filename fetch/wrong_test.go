package fetch

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/store/index"
)

// TestWrongBytes: what is not what an index says is not published, and is not asked
// for again and again.
func TestWrongBytes(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	const name = "pool/one_1_amd64.deb"
	right := m.body(name)
	m.set(name, strings.Repeat("x", len(right)))
	for range 3 {
		if _, err := m.get(m.e, "m/"+name); !errors.Is(err, mirror.ErrWrong) {
			t.Fatalf("%v, want %v", err, mirror.ErrWrong)
		}
		m.settle(m.e)
	}
	if n := m.o.Count("/"+name, ""); n != 1 {
		t.Errorf("it was asked for %d times, want once", n)
	}
	if list, err := os.ReadDir(m.conf.State + "/wrong"); err != nil || len(list) != 1 {
		t.Errorf("kept aside: %v, %v", list, err)
	}
	m.set(name, right)
	m.clock.advance(2 * leastWrong)
	m.fetch(name)
	m.wantNoParts()
}

// TestNothingIsExpectedUnread: while the record cannot say what a file has to be, the
// file is not fetched: it might be published with any bytes.
func TestNothingIsExpectedUnread(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	const name = "pool/one_1_amd64.deb"
	right := m.body(name)
	m.set(name, strings.Repeat("x", len(right)))
	db, err := sql.Open("sqlite3", filepath.Join(m.conf.State, index.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rename := func(from, to string) {
		t.Helper()
		if _, err := db.Exec("ALTER TABLE " + from + " RENAME TO " + to); err != nil {
			t.Fatal(err)
		}
	}
	// What changes is looked up once more before it is published.
	const mutable = "dists/sid/main/Contents-amd64"
	m.set(mutable, "the text")
	release := m.o.Hold("/" + mutable)
	m.o.Forget()
	if err := m.e.Start(m.ctx(), "m/"+mutable); err != nil {
		t.Fatal(err)
	}
	m.o.Await("/"+mutable, 1)
	rename("expected", "elsewhere")
	release()
	m.settle(m.e)
	if slices.Contains(m.docFiles(), "m/"+mutable) {
		t.Errorf("%s was published", mutable)
	}
	if _, err := m.get(m.e, "m/"+name); !errors.Is(err, mirror.ErrStore) || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("%v, want %v", err, mirror.ErrStore)
	}
	m.settle(m.e)
	if n := m.o.Count("/"+name, ""); n != 0 {
		t.Errorf("it was asked for %d times", n)
	}
	rename("elsewhere", "expected")
	m.set(name, right)
	m.clock.advance(time.Minute) // the failure's pause
	m.fetch(name)
	m.wantHeld(name, right)
}

// TestWrongBytesElsewhere: the next upstream is asked.
func TestWrongBytesElsewhere(t *testing.T) {
	a := newArchive(t, false)
	a.add("one", "1", "the first version of one")
	a.update()
	bad := origin.New(t)
	for _, name := range []string{inRelease, packages} {
		bad.Set("/"+name, origin.File{Body: []byte(a.body(name)), ModTime: a.at()})
	}
	const name = "pool/one_1_amd64.deb"
	bad.Set("/"+name, origin.File{Body: []byte(strings.Repeat("x", len(a.body(name))))})
	s := newSite(t, "max_age = \"1m\"\n", bad, a.o)
	m := &mirrored{a, s, s.engine()}
	m.fetch(inRelease, packages, name)
	m.wantHeld(name, a.body(name))
}

// TestUpstreamMovedOn: a missing file that does not fit to an index which is out of
// date is no wrong one.
func TestUpstreamMovedOn(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease)
	m.add("one", "2", "the second version of one")
	m.update()
	m.fetch(packages)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
}

// TestEndIsHeldUntilVerified: of a large file with wrong bytes no client gets the
// end, and what it gets is shorter than was promised: also where the index that says so
// comes while the file does.
func TestEndIsHeldUntilVerified(t *testing.T) {
	for _, meanwhile := range []bool{false, true} {
		t.Run(fmt.Sprintf("index meanwhile %v", meanwhile), func(t *testing.T) { testEndIsHeld(t, meanwhile) })
	}
}

func testEndIsHeld(t *testing.T, meanwhile bool) {
	m := newMirrored(t, false, "")
	const name = "pool/large_1_amd64.deb"
	body := strings.Repeat("0123456789abcdef", 3<<20/16)
	m.add("large", "1", body)
	m.update()
	if !meanwhile {
		m.fetch(inRelease, packages)
	}
	m.set(name, body[:len(body)-1]+"x")
	release := m.o.HoldAfter("/"+name, 2<<20) // until a client reads
	f, err := m.e.Open(m.ctx(), "m/"+name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, 3<<19) // more than what is worth a relay
	_, err = io.ReadFull(f, got)
	if meanwhile {
		for _, index := range []string{inRelease, packages} {
			if _, err := m.get(m.e, mirror.Name("m/"+index)); err != nil {
				t.Fatal(err)
			}
		}
		m.until("the index is known", func() bool {
			known, err := m.e.index.Expected(m.ctx(), "m/"+name)
			return err == nil && len(known) > 0
		})
	}
	release()
	m.settle(m.e)
	if err == nil { // what follows is not had from upstream either
		var rest []byte
		rest, err = io.ReadAll(f)
		got = append(got, rest...)
	}
	if err == nil || len(got) > len(body)-mirror.HoldBack || !strings.HasPrefix(body, string(got)) {
		t.Errorf("%d bytes of %d, %v", len(got), len(body), err)
	}
	m.set(name, body)
	m.clock.advance(2 * leastWrong)
	m.fetch(name)
	m.wantHeld(name, body)
}

// TestNamedIsAskedForAgain: that upstream lacked a file is not remembered of one that
// a current index names.
func TestNamedIsAskedForAgain(t *testing.T) {
	m := newMirrored(t, false, "")
	m.conf.Mirrors[0].NegativeTTL = time.Hour
	const name = "pool/one_1_amd64.deb"
	body := m.body(name)
	m.o.Remove("/" + name)
	m.fetch(inRelease, packages)
	for _, missing := range []mirror.Name{"m/" + name, "m/pool/none_1_amd64.deb"} {
		if _, err := m.get(m.e, missing); !errors.Is(err, mirror.ErrNotFound) {
			t.Fatalf("%s: %v", missing, err)
		}
		m.settle(m.e)
	}
	m.set(name, body)
	m.set("pool/none_1_amd64.deb", "there now")
	m.fetch(name)
	if _, err := m.get(m.e, "m/pool/none_1_amd64.deb"); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("what no index names is remembered to be missing: %v", err)
	}
}
