package lines

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mirror/listing"
)

// TestUnknowns has lines that say "?", of ls and of package render, and names
// with escapes: those of package render are undone, those of others are names.
func TestUnknowns(t *testing.T) {
	utc := Options{Clock: listing.Clock{Zone: time.UTC}}
	for _, c := range []struct {
		line, want string // the name, the type, the size, the target; the time and how much it leaves open
	}{
		{`-????????? ? ? ?            ? ? a\#012b`, `"a\nb" file; never`},
		{`?????????? ? ? ?            ? ?  a `, `" a " unknown; never`},
		{`-????????? ? ? ? ?            ? a\#012b`, `"a\\#012b" file; never`},                                    // as ls
		{`?????????? ? ?    ?       ?                                   ? a\#012b`, `"a\\#012b" unknown; never`}, // as ls --full-time
		{`-rw-r--r-- 1 root root 5 2024-11-12 10:00 a\#012b`, `"a\\#012b" file 5; 2024-11-12T10:00:00+59`},       // as ls
		{`-rw-r--r-- 1 ? ?            ? 2024-11-12 10:00 5 Nov 12 2022 f`, `"5 Nov 12 2022 f" file; 2024-11-12T10:00:00+59`},
		{`-rw-r--r-- 1 ? ?            5 ? 2024-11-12 10:00`, `"2024-11-12 10:00" file 5; never`},
		{`-rw-r--r-- 1 ? ?            5 ? ? ? ?`, `"? ? ?" file 5; never`},
		{`drwxr-xr-x 1 ? ?            0 ? \#134#012`, `"\\#012" dir; never`},
		{`d????????? 1 ? ?            0 Nov 12  2024 d`, `"d" dir; 2024-11-12T00:00:00+86399`},
		{`l????????? ? ? ?            ? ? a\#040-> b -> c -> \#033`, `"a -> b" symlink -> "c -> \x1b"; never`},
		{`l????????? ? ? ?            ? ? a\#040-> b`, `"a -> b" symlink; never`},
		{`lrwxrwxrwx 1 ? ?            6 2024-11-12 10:00:23.000000000 +0000 a -> b -> \#033`, `"a" symlink -> "b -> \x1b"; 2024-11-12T10:00:23+0`},
	} {
		l, err := ParseList(strings.NewReader(c.line+"\n"), utc)
		checkUnknown(t, c.line, l, err, c.want)
	}
	for _, c := range []struct{ line, want string }{
		{`-?????????           ? ????/??/?? ??:??:?? a`, `"a" file; never`},
		{`-?????????           5 2024/11/12 ??:??:?? a`, `"a" file 5; 2024-11-12T00:00:00+86399`},
		{`-?????????           ? 2024/11/12 10:20:?? a`, `"a" file; 2024-11-12T10:20:00+59`},
		{`l?????????           ? 2024/11/12 10:20:30 a -> b`, `"a" symlink -> "b"; 2024-11-12T10:20:30+0`},
		{`-?????????           ? 2024/11/12 10:??:?? a`, ``},
		{`-?????????           ? 2024/11/12 10:20:30:?? a`, ``},
		{`-?????????           ? ????/??/?? 10:20:30 a`, ``},
		{`-?????????           ? 2024/11/?? ??:??:?? a`, ``},
		{`-?????????           ? 2024/02/30 ??:??:?? a`, ``},
	} {
		l, err := ParseRsync(strings.NewReader(c.line+"\n"), utc)
		checkUnknown(t, c.line, l, err, c.want)
	}
}

// checkUnknown compares the only entry of a list with want; "" is none.
func checkUnknown(t *testing.T, line string, l listing.Listing, err error, want string) {
	t.Helper()
	got := ""
	for _, e := range l.Entries {
		when := "never"
		if e.MTime.Known {
			when = fmt.Sprintf("%s+%d", time.Unix(e.MTime.Lo, 0).UTC().Format("2006-01-02T15:04:05"), e.MTime.Width())
		}
		got += show(e) + "; " + when
	}
	if got != want || err != nil || l.Unread+len(l.Entries) != 1 {
		t.Errorf("%q is\n%s, want\n%s (unread: %d, %v)", line, got, want, l.Unread, err)
	}
}
