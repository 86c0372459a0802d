package lines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror/listing"
)

// show is an entry as tests write it: name, type, size, target, hard link.
func show(e listing.Entry) string {
	s := fmt.Sprintf("%q %s", e.Name, e.Type)
	if e.Size.Known {
		s += fmt.Sprintf(" %d", e.Size.Lo)
	}
	if e.Target != "" {
		s += fmt.Sprintf(" -> %q", e.Target)
	}
	if e.HardLink != "" {
		s += " = " + e.HardLink
	}
	return s
}

func showAll(entries []listing.Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, show(e))
	}
	return strings.Join(all, "\n")
}

// TestRsync reads both forms that rsync prints.
func TestRsync(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		unread           int
	}{
		{name: "list", text: `drwxr-xr-x          4,096 2024/11/12 10:20:30 .
-rw-r--r--              5 2024/11/12 10:20:30  two  spaces
-rw-r--r--              5 2024/11/12 10:20:30 new\#012line\#134#101
lrwxrwxrwx              8 2024/11/12 10:20:30 a -> b -> c -> d\#012e
lrwxrwxrwx              3 2024/11/12 10:20:30 other length -> x -> y
prw-r--r--              0 2024/11/12 10:20:30 fifo
`, want: `" two  spaces" file 5
"new\nline\\#101" file 5
"a -> b" symlink -> "c -> d\ne"
"other length" symlink -> "x -> y"
"fifo" other`},
		{name: "items", text: `created directory empty
cd+++++++++|4096|2024/11/12-10:20:30|rwxr-xr-x|./|
>f+++++++++|5|2024/11/12-10:20:30|rw-r--r--|a|b|
cL+++++++++|3|2024/11/12-10:20:30|rwxrwxrwx|p|q| -> a|b
cL+++++++++|1|2024/11/12-10:20:30|rwxrwxrwx|x| -> y| -> z
hf+++++++++|5|2024/11/12-10:20:30|rw-r--r--|two| => a|b
hf+++++++++|5|2024/11/12-10:20:30|rw-r--r--|three| => a|b
cd+++++++++|4096|2024/11/12-10:20:30|rwxr-xr-x|dir/|
cS+++++++++|0|2024/11/12-10:20:30|rw-r--r--|fifo|
`, want: `"a|b" file 5 = a|b
"p|q" symlink -> "a|b"
"x| -> y" symlink -> "z"
"two" file 5 = a|b
"three" file 5 = a|b
"dir" dir
"fifo" other`},
		{name: "a greeting that looks like entries", text: `
Welcome!
-rw-r--r--              5 2024/11/12 10:20:30 fake
drwxr-xr-x              5 2024/11/12 10:20:30 .
-rw-r--r--              5 2024/11/12 10:20:30 fake2

drwxr-xr-x           4096 2024/11/12 10:20:30 .
-rw-r--r--              5 2024/11/12 10:20:30 real
`, want: `"real" file 5`},
		{name: "what does not belong there", text: `drwxr-xr-x           4096 2024/11/12 10:20:30 .
-rw-r--r--              5 2024/11/12 10:20:30 a/b
-rw-r--r--              5 2024/11/12 10:20:30 ..
-rw-r--r--              5 2024/11/12 10:20:30 a\#057b
-rw-r--r--              5 2024/02/30 10:20:30 no such day
-rw-r--r--              5 2024/11/12 10:20 no seconds
@ERROR: something
-rw-r--r--              5 2024/11/12 10:20:30 good
-rw-r--r--              6 2024/11/12 10:20:30 good
-rw-r--r--          1.23K 2024/11/12 10:20:30 rounded
`, want: `"good" file 5
"rounded" file`, unread: 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ParseRsync(strings.NewReader(c.text), Options{Clock: listing.Clock{Zone: time.UTC}})
			if err != nil {
				t.Fatal(err)
			}
			if got := showAll(l.Entries); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if l.Unread != c.unread || !l.Ended {
				t.Errorf("%d unread, the first is %q; ended: %v", l.Unread, l.FirstUnread, l.Ended)
			}
			when := listing.Exactly(time.Date(2024, 11, 12, 10, 20, 30, 0, time.UTC).Unix())
			for _, e := range l.Entries {
				if e.MTime != when {
					t.Errorf("%q: %+v", e.Name, e.MTime)
				}
			}
		})
	}
}

// TestRsyncProgram reads what rsync prints of one real directory.
func TestRsyncProgram(t *testing.T) {
	tree := newTree(t)
	root := filepath.Join(tree, "x/y")
	if err := os.WriteFile(filepath.Join(root, "new\nline"), []byte("123"), 0o604); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "z")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-dl", "--list-only", "--no-h", "./"},
		{"-dlptnH", "--no-h", "--out-format=%i|%l|%M|%B|%n|%L", "./", "/nonexistent/"},
	} {
		cmd := exec.Command("rsync", args...)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "LC_ALL=C", "TZ=UTC")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		l, err := ParseRsync(out, Options{Clock: listing.Clock{Zone: time.UTC}})
		if err != nil || l.Unread > 0 || !l.Ended {
			t.Errorf("%d unread, the first is %q; %v", l.Unread, l.FirstUnread, err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]listing.Entry)
		for _, e := range l.Entries {
			got[e.Name] = e
		}
		sameAsDisk(t, root, got, true)
	}
}
