package soak

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mirror/internal/server"
)

// debian is an archive for apt, of one suite with two components.
type debian struct {
	byHash   bool // it has by-hash, and says so
	detached bool // Release and Release.gpg instead of InRelease
	pools    [2]pool
	hashed   [2][]string // paths of the by-hash names of each component
}

var components = [2]string{"main", "contrib"}

func newDebian(byHash, detached bool) *debian {
	return &debian{byHash: byHash, detached: detached, pools: [2]pool{newPool(1), newPool(2)}}
}

const suite = "dists/stable/"

func (d *debian) next(n int) ([]change, error) {
	var packages, hashed, fixed, gone []change
	var release strings.Builder
	date := dated(n).UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC")
	fmt.Fprintf(&release, "Origin: one\nLabel: one\nSuite: stable\nCodename: stable\nDate: %s\n"+
		"Architectures: amd64\nComponents: %s\n", date, strings.Join(components[:], " "))
	if d.byHash {
		release.WriteString("Acquire-By-Hash: yes\n")
	}
	release.WriteString("SHA256:\n")
	for i, component := range components {
		p := &d.pools[i]
		// Not every update changes every component.
		if n == 1 || i == 0 || p.pick.IntN(2) == 0 {
			packages = append(packages, p.turn(n, func(name string, n int) item { return d.deb(i, name, n) })...)
			for _, path := range d.hashed[i] {
				p.drop(n, path)
			}
			d.hashed[i] = nil
		}
		gone = append(gone, p.cleared(n)...)
		plain := d.index(i)
		compressed, err := xzipped(plain)
		if err != nil {
			return nil, err
		}
		index := component + "/binary-amd64/Packages"
		for _, f := range []file{{index, plain}, {index + ".gz", gzipped(plain)}, {index + ".xz", compressed}} {
			fmt.Fprintf(&release, " %s %d %s\n", digest(f.body), len(f.body), f.name)
			if f.name == index {
				continue // it is listed, and nowhere: as in every large archive
			}
			fixed = append(fixed, change{path: suite + f.name, body: f.body, fixed: true})
			if d.byHash && len(d.hashed[i]) < 2 {
				path := suite + component + "/binary-amd64/by-hash/SHA256/" + digest(f.body)
				hashed = append(hashed, change{path: path, body: f.body})
				d.hashed[i] = append(d.hashed[i], path)
			}
		}
	}
	top := []byte(release.String())
	fixed = append(fixed, change{path: suite + "Release", body: top, fixed: true})
	sign, name := []string{"--clearsign"}, "InRelease"
	if d.detached {
		sign, name = []string{"--armor", "--detach-sign"}, "Release.gpg"
	}
	signed, err := gpg(top, sign...)
	fixed = append(fixed, change{path: suite + name, body: signed, fixed: true})
	return append(append(append(packages, hashed...), fixed...), gone...), err
}

// index is the Packages file of a component.
func (d *debian) index(i int) []byte {
	var b bytes.Buffer
	entry := func(name string, version int, path string, size int, sum string) {
		fmt.Fprintf(&b, "Package: %s\nVersion: 1.0-%d\nArchitecture: all\nMaintainer: One <archive@one.example>\n"+
			"Filename: %s\nSize: %d\nSHA256: %s\nDescription: a package to be mirrored\n\n", name, version, path, size, sum)
	}
	for _, it := range d.pools[i].sorted() {
		entry(d.prefix(i)+it.name, it.version, it.path, len(it.body), it.sum)
	}
	for k := range filler {
		name := fmt.Sprintf("%sfiller-%d", d.prefix(i), k)
		entry(name, 1, "pool/"+name+"_1.0-1_all.deb", 1000+k, digest([]byte(name)))
	}
	return b.Bytes()
}

// prefix begins the names of a component's packages.
func (d *debian) prefix(i int) string { return [2]string{"", "contrib-"}[i] }

// deb is a package with the least that one has.
func (d *debian) deb(i int, name string, n int) item {
	full := d.prefix(i) + name
	control := fmt.Sprintf("Package: %s\nVersion: 1.0-%d\nArchitecture: all\n"+
		"Maintainer: One <archive@one.example>\nDescription: a package to be mirrored\n", full, n)
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, f := range []file{
		{"debian-binary", []byte("2.0\n")},
		{"control.tar.gz", gzipped(tarred(file{"./control", []byte(control)}))},
		{"data.tar", tarred(file{"./usr/share/" + full, d.pools[i].content()})},
	} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", f.name, dated(n).Unix(), 0, 0, 0o100644, len(f.body))
		b.Write(f.body)
		if len(f.body)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return item{path: fmt.Sprintf("pool/%s/%c/%s/%s_1.0-%d_all.deb", components[i], full[0], full, full, n), body: b.Bytes()}
}

// apt is apt-get with a state of its own. Nothing of the machine's is read or written.
type apt struct {
	dir     string
	program string
	options []string
}

func newApt(t *testing.T, url string, more ...string) program {
	dir := t.TempDir()
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial", "etc/preferences.d", "log", "taken"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir+"/status", "")
	write(t, dir+"/etc/sources.list", fmt.Sprintf("deb [signed-by=%s] %s stable %s\n", publicKey(), url, strings.Join(components[:], " ")))
	a := &apt{dir: dir, program: server.Installed(t, "apt-get", "apt")}
	for _, option := range append([]string{
		"Dir::State=" + dir + "/state", "Dir::State::status=" + dir + "/status", "Dir::Cache=" + dir + "/cache",
		"Dir::Etc=" + dir + "/etc", "Dir::Etc::sourceparts=-", "Dir::Etc::parts=-", "Dir::Log=" + dir + "/log",
		"APT::Architecture=amd64", "APT::Architectures=amd64", "APT::Sandbox::User=root", "Acquire::Languages=none",
		"Acquire::Retries=0", "Acquire::http::Proxy=DIRECT", "Acquire::http::Timeout=30", "Debug::NoLocking=1",
	}, more...) {
		a.options = append(a.options, "-o", option)
	}
	return a
}

func (a *apt) update() (string, error) {
	return command(a.dir, a.program, append([]string{"-q", "-y", "update"}, a.options...)...)
}

func (a *apt) forget() {
	os.RemoveAll(a.dir + "/state/lists")
	os.MkdirAll(a.dir+"/state/lists/partial", 0o755)
}

func (a *apt) take(name string) (string, error) {
	defer os.RemoveAll(a.dir + "/taken")
	if err := os.MkdirAll(a.dir+"/taken", 0o755); err != nil {
		return "", err
	}
	return command(a.dir+"/taken", a.program, append([]string{"-q", "-y", "download", name}, a.options...)...)
}

var dateField = regexp.MustCompile(`(?m)^Date: (.*)$`)

// held reads the date of the Release file that apt has accepted.
func (a *apt) held() int {
	for _, name := range []string{"InRelease", "Release"} {
		paths, _ := filepath.Glob(a.dir + "/state/lists/*_dists_stable_" + name)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				continue
			}
			if found := dateField.FindSubmatch(text); found != nil {
				date, err := time.Parse("Mon, 02 Jan 2006 15:04:05 MST", string(found[1]))
				if err == nil {
					return generationOf(date)
				}
			}
		}
	}
	return 0
}

func generationOf(date time.Time) int { return int(date.Sub(dated(0)) / time.Minute) }

func (a *apt) kinds() []kind {
	return []kind{
		{mismatch, regexp.MustCompile(`Hash Sum mismatch|unexpected size|Mirror sync in progress`)},
		{signature, regexp.MustCompile(`BADSIG|NOSPLIT|isn't valid|is not signed|signatures? (were|was) invalid|invalid signature|GPG error`)},
		{gone, regexp.MustCompile(`404 +Not Found`)},
		{broken, regexp.MustCompile(`^(W|E|Err):`)},
	}
}
