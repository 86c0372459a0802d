// Package sync holds mirrorctl's sync to its measure: after it, rsync finds no
// difference between a real upstream and the docroot, but for what the upstream's
// protocol does not tell.
package sync

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror/config"
	"mirror/fetch"
	"mirror/maint"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site mirrors an upstream at /m/.
type site struct {
	maint.Site
	t   *testing.T
	doc string // where the mirror is on disk
	// rootless: the upstream tells the time of no directory in its own listing,
	// so that of the topmost is unknown.
	rootless bool
	linkless []string // where links stand upstream, and none here
}

func newSite(t *testing.T, extra string, urls ...string) *site {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "doc"), 0o755))
	for i := range urls {
		urls[i] = fmt.Sprintf("%q", urls[i])
	}
	text := fmt.Sprintf("docroot = \"doc\"\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%s]\n%s\n", strings.Join(urls, ", "), extra)
	conf, err := config.Parse([]byte(text), filepath.Join(dir, "mirror.toml"))
	must(t, err)
	s := &site{Site: maint.Site{Conf: conf}, t: t, doc: filepath.Join(dir, "doc", "m"), linkless: slices.Clone(refused)}
	s.open()
	t.Cleanup(func() { must(t, s.Engine.Shut(t.Context())) })
	return s
}

// open is what a new process begins with.
func (s *site) open() {
	s.t.Helper()
	var err error
	s.Engine, err = fetch.Open(s.Conf, fetch.Options{Log: slog.New(slog.DiscardHandler)})
	must(s.t, err)
}

// sync brings everything, and fails the test where anything failed.
func (s *site) sync(o maint.SyncOptions) maint.Synced {
	s.t.Helper()
	sum, err := s.Sync(s.t.Context(), "m", o)
	must(s.t, err)
	for _, n := range slices.Concat(sum.Failed, sum.Kept, sum.Undeleted) {
		s.t.Errorf("%q: %s", n.Name, n.Text)
	}
	return sum
}

// again checks that a second sync finds nothing to do.
func (s *site) again() {
	s.t.Helper()
	sum := s.sync(maint.SyncOptions{Delete: true})
	if n := sum.Fetched + sum.Replaced + sum.Symlinks + sum.HardLinks + sum.Deleted + sum.DeletedDirs; n > 0 {
		s.t.Errorf("a second sync still had to do: %+v", sum)
	}
}

// differences is what rsync would do to make the mirror what the upstream is.
func (s *site) differences(from, options string, more ...string) []string {
	s.t.Helper()
	args := append([]string{"-ni", "--delete", "-8"}, strings.Fields(options)...)
	args = append(args, more...)
	cmd := exec.Command("rsync", append(args, from, s.doc+"/")...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("rsync: %v\n%s", err, out)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// same checks that rsync finds no difference but for links that are not made.
func (s *site) same(from, options string, more ...string) {
	s.t.Helper()
	for _, line := range s.differences(from, options, more...) {
		name, _, _ := strings.Cut(line[min(12, len(line)):], " -> ")
		switch {
		case strings.HasPrefix(line, "cL") && slices.Contains(s.linkless, name):
		case name == "./" && s.rootless:
		default:
			s.t.Errorf("rsync: %q", line)
		}
	}
}

// wantRefused checks that the summary tells of each link that was not made.
func wantRefused(t *testing.T, sum maint.Synced) {
	t.Helper()
	var names []string
	for _, n := range sum.Refused {
		names = append(names, strings.TrimPrefix(string(n.Name), "m/"))
	}
	slices.Sort(names)
	want := slices.Sorted(slices.Values(refused))
	if !slices.Equal(names, want) {
		t.Errorf("refused: %q, want %q", names, want)
	}
}

func TestRsync(t *testing.T) {
	t.Parallel()
	up := rsyncd(t)
	tr := up.tree(t)
	tr.plainTree()
	tr.links()
	tr.file("odd/new\nline", 7)
	tr.file("bytes/\xff", 7)
	tr.hardlink("hard/1", "one")
	tr.hardlink("hard/below/2", "one")
	tr.hardlink("hard/zero", "zero")
	tr.mkdir("empty/inside")
	tr.file("was a link", 3)
	tr.symlink("was a file", "one")
	tr.age()

	s := newSite(t, "", up.url)
	wantRefused(t, s.sync(maint.SyncOptions{}))
	s.same(up.url, "-rltH")
	s.again()

	tr.change()
	tr.hardlink("hard/3", "changes")
	tr.remove("hard/below")
	tr.remove("empty/inside")
	tr.remove("was a link")
	tr.symlink("was a link", "large")
	tr.remove("was a file")
	tr.file("was a file", 4)
	tr.remove("link/to-file")
	tr.symlink("link/to-file", "../zero")
	tr.age()
	wantRefused(t, s.sync(maint.SyncOptions{Delete: true}))
	s.same(up.url, "-rltH")
	s.again()
}

// TestFTP is the same but for hard links, which FTP does not tell.
func TestFTP(t *testing.T) {
	for _, c := range []struct {
		name   string
		start  func(*testing.T) upstream
		window string   // vsftpd knows no MLSD, so directories and links have times of minutes
		untold []string // links that the server does not list, or not where they lead
	}{
		{"vsftpd", vsftpd, "59", nil},
		{"proftpd", proftpd, "0", []string{"link/dangling", "link/itself"}},
		{"pure-ftpd", pureftpd, "0", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			up := c.start(t)
			tr := up.tree(t)
			tr.plainTree()
			tr.links()
			tr.mkdir("empty/inside")
			tr.age()
			s := newSite(t, "zone = \"UTC\"", up.url)
			s.rootless = c.name == "vsftpd"
			s.linkless = append(s.linkless, c.untold...)
			window := "--modify-window=" + c.window
			s.sync(maint.SyncOptions{})
			s.same(up.dir+"/", "-rlt", window)
			s.again()
			tr.change()
			s.sync(maint.SyncOptions{Delete: true})
			s.same(up.dir+"/", "-rlt", window)
			s.same(up.dir+"/", "-rlt --omit-dir-times --omit-link-times") // files are exact
			s.again()
		})
	}
}

// TestHTTP has the names, the sizes and the times of files, exact to the second.
func TestHTTP(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(*testing.T) upstream
	}{{"nginx", nginx}, {"apache", apache}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			up := c.start(t)
			tr := up.tree(t)
			tr.plainTree()
			tr.mkdir("empty/inside")
			tr.age()
			s := newSite(t, "zone = \"UTC\"", up.url)
			s.sync(maint.SyncOptions{})
			s.same(up.dir+"/", "-rt --omit-dir-times")
			s.again()
			tr.change()
			s.sync(maint.SyncOptions{Delete: true})
			s.same(up.dir+"/", "-rt --omit-dir-times")
			s.again()
		})
	}
}

// TestHTTPCatalog: with a list of the whole tree HTTP has links, too, and times
// of directories to the minute.
func TestHTTPCatalog(t *testing.T) {
	t.Parallel()
	up := nginx(t)
	tr := up.tree(t)
	tr.plainTree()
	tr.links()
	tr.mkdir("empty/inside")
	tr.age()
	at := time.Now()
	catalog := func() { // each is hours younger than the one before
		t.Helper()
		cmd := exec.Command("sh", "-c", `TZ=UTC LC_ALL=C ls -lR . | gzip >../ls-lR.gz && mv ../ls-lR.gz .`)
		cmd.Dir = up.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		must(t, os.Chtimes(tr.path("ls-lR.gz"), at, at))
		at = at.Add(2 * time.Hour)
	}
	catalog()
	s := newSite(t, "zone = \"UTC\"\nindex = \"ls-lR.gz\"\nmax_age = \"0s\"", up.url)
	s.rootless = true
	s.sync(maint.SyncOptions{})
	s.same(up.dir+"/", "-rlt", "--modify-window=59")
	s.again()
	tr.change()
	catalog()
	s.sync(maint.SyncOptions{Delete: true})
	s.same(up.dir+"/", "-rlt", "--modify-window=59")
	s.again()
}
