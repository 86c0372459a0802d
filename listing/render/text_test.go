package render

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror/listing"
)

// tree makes a directory with files, directories, links and hard links, and
// returns the page of it, in the order of names.
func tree(t *testing.T) (dir string, p *Page) {
	t.Helper()
	dir, p = t.TempDir(), &Page{Base: "/"}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range names {
		r := fileNamed(name)
		path := filepath.Join(dir, name)
		r.MTime = listing.Exactly(noon - int64(i)*123_457)
		switch i % 3 {
		case 0:
			r.Size = listing.Exactly(int64(i) * 1017)
			do(os.WriteFile(path, make([]byte, r.Size.Lo), 0o600))
		case 1:
			r.Type, r.Size = listing.Dir, listing.Span{}
			do(os.Mkdir(path, 0o700))
		case 2:
			r.Type, r.Size, r.Target = listing.Symlink, listing.Span{}, "x/"+names[i-1]
			do(os.Symlink(r.Target, path))
		}
		if r.Type == listing.Symlink {
			r.Mode = listing.Perm(0o777)
			do(exec.Command("touch", "-h", "-d", fmt.Sprintf("@%d", r.MTime.Lo), path).Run())
		} else {
			bits := uint16(i*97) & 0o777
			r.Mode = listing.Perm(bits)
			do(os.Chmod(path, os.FileMode(bits)))
			do(os.Chtimes(path, time.Time{}, time.Unix(r.MTime.Lo, 0)))
		}
		p.Rows = append(p.Rows, r)
	}
	p.Rows[0].HardLink = "one"
	twin := p.Rows[0]
	twin.Name = "zz-twin"
	do(os.Link(filepath.Join(dir, names[0]), filepath.Join(dir, twin.Name)))
	p.Rows = append(p.Rows, twin)
	slices.SortFunc(p.Rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	return dir, p
}

// run is what a command writes in the language and the zone of the formats.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out)
}

// TestRsyncIsRsync: of what is known, Rsync writes what rsync writes, but for
// arrows in the names of links, which rsync leaves ambiguous, DEL, which it does
// not escape, and the sizes of directories.
func TestRsyncIsRsync(t *testing.T) {
	dir, p := tree(t)
	got := strings.Split(strings.TrimSuffix(written(t, Rsync, p), "\n"), "\n")
	for i, line := range got {
		got[i] = strings.NewReplacer(`\#040->`, " ->", `\#177`, "\x7f").Replace(line)
	}
	want := strings.Split(strings.TrimSuffix(run(t, dir, "rsync", "--links", "--list-only", "--no-h", "./"), "\n"), "\n")
	want = want[1:] // "."
	for i, line := range want {
		if line[0] == 'd' {
			want[i] = line[:10] + "           0" + line[22:]
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%q, rsync writes %q", got[i], want[i])
		}
	}
}

// TestLsLRIsLs: of what is known, LsLR writes what ls writes, but for owners,
// columns, the sizes and links of directories, and what it escapes.
func TestLsLRIsLs(t *testing.T) {
	dir, p := tree(t)
	columns := regexp.MustCompile(`(?m)^([d?lrwxsStT-]{10}) +(\d+) +\S+ +\S+ +(\d+) `)
	directories := regexp.MustCompile(`(?m)^(d\S+) \d+ \d+ `)
	even := func(s string) string {
		return directories.ReplaceAllString(columns.ReplaceAllString(s, "$1 $2 $3 "), "$1 ")
	}
	got := even(unescaped(written(t, LsLR, p)))
	want := even(run(t, dir, "ls", "-Al", "--full-time"))
	_, want, _ = strings.Cut(want, "\n") // total
	if got != ".:\n"+want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestUnknown: what is not known, or not exactly, is written as such.
func TestUnknown(t *testing.T) {
	day := noon / 86400 * 86400
	for _, c := range []struct {
		row             Row
		ls, rsync, line string
	}{
		{Row{Entry: listing.Entry{Name: "a"}},
			"?????????? ? ? ?            ? ? a",
			"??????????           ? ????/??/?? ??:??:?? a",
			"??????????            - -                   upstream a"},
		{Row{Entry: listing.Entry{Name: "a", Size: listing.Exactly(5), MTime: listing.Between(noon/60*60, noon/60*60+59)}, State: Here},
			"-????????? 1 ? ?            5 2024-11-12 10:00 a",
			"-?????????           5 2024/11/12 10:00:?? a",
			"-?????????            5 2024-11-12 10:00    here     a"},
		{Row{Entry: listing.Entry{Name: "a", Type: listing.File, Size: listing.Between(7_759_463, 7_969_177), MTime: listing.Between(day, day+86399)},
			State: Arriving, Done: 5},
			"-????????? 1 ? ?         7.5M Nov 12  2024 a",
			"-?????????           ? 2024/11/12 ??:??:?? a",
			"-?????????         7.5M 2024-11-12          arriving a"},
		{Row{Entry: listing.Entry{Name: "a", Type: listing.File, Size: listing.Exactly(200), MTime: listing.Between(day, day+86400), Mode: listing.Perm(0o6755)},
			State: Arriving, Done: 199},
			"-rwsr-sr-x 1 ? ?          200 ? a",
			"-rwsr-sr-x         200 ????/??/?? ??:??:?? a",
			"-rwsr-sr-x          200 2024-11-12..11-13   99%      a"},
		{Row{Entry: listing.Entry{Name: "a", MTime: listing.Between(day, day+31*86400+1)}, State: Unmirrored},
			"?????????? ? ? ?            ? ? a",
			"??????????           ? ????/??/?? ??:??:?? a",
			"??????????            - -                            a"},
		{Row{Entry: listing.Entry{Name: "d", Type: listing.Dir, MTime: listing.Exactly(1 << 40), Mode: listing.Perm(0o7000)}},
			"d--S--S--T 1 ? ?            0 ? d",
			"d--S--S--T           0 ????/??/?? ??:??:?? d",
			"d--S--S--T            - -                            d"},
		{Row{Entry: listing.Entry{Name: "l", Type: listing.Symlink, Target: "ü\x1b"}, State: Here},
			`l????????? ? ? ?            ? ? l -> ü\#033`,
			`l?????????           3 ????/??/?? ??:??:?? l -> \#303\#274\#033`,
			`l?????????            - -                   here     l -> \#303\#274\#033`},
		{Row{Entry: listing.Entry{Name: "l", Type: listing.Symlink}},
			"l????????? ? ? ?            ? ? l",
			"l?????????           ? ????/??/?? ??:??:?? l",
			"l?????????            - -                   upstream l"},
	} {
		p := &Page{Rows: []Row{c.row}}
		if got := written(t, LsLR, p); got != ".:\n"+c.ls+"\n" {
			t.Errorf("ls-lR:\n%swant\n%s", got, c.ls)
		}
		if got := written(t, Rsync, p); got != c.rsync+"\n" {
			t.Errorf("rsync:\n%swant\n%s", got, c.rsync)
		}
		if got := string(Line(nil, &c.row)); got != c.line {
			t.Errorf("mirrorctl:\n%s\nwant\n%s", got, c.line)
		}
	}
}
