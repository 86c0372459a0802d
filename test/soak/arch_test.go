package soak

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"

	"mirror/internal/server"
)

// arch is a repository for pacman: a database and its signature, both with fixed
// names, and packages.
type arch struct{ pool pool }

func newArch() *arch { return &arch{pool: newPool(4)} }

func (a *arch) next(n int) ([]change, error) {
	changes := a.pool.turn(n, func(name string, n int) item {
		info := fmt.Sprintf("pkgname = %s\npkgbase = %s\npkgver = 1.0-%d\npkgdesc = a package to be mirrored\n"+
			"arch = any\nbuilddate = %d\npackager = One <archive@one.example>\nsize = 1\n", name, name, n, dated(n).Unix())
		body := gzipped(tarred(file{".PKGINFO", []byte(info)}, file{"usr/", nil}, file{"usr/" + name, a.pool.content()}))
		return item{path: fmt.Sprintf("%s-1.0-%d-any.pkg.tar.gz", name, n), body: body}
	})
	// An entry of its own tells the generation.
	entries := append(a.pool.sorted(), item{name: "generation", version: n, path: "none", sum: digest(nil)})
	for k := range filler {
		name := fmt.Sprintf("filler-%d", k)
		entries = append(entries, item{name: name, version: 1, path: name + "-1.0-1-any.pkg.tar.gz", sum: digest([]byte(name))})
	}
	var desc, files []file
	for _, it := range entries {
		dir := fmt.Sprintf("%s-1.0-%d/", it.name, it.version)
		text := fmt.Sprintf("%%FILENAME%%\n%s\n\n%%NAME%%\n%s\n\n%%BASE%%\n%s\n\n%%VERSION%%\n1.0-%d\n\n%%DESC%%\na package to be mirrored\n\n"+
			"%%CSIZE%%\n%d\n\n%%ISIZE%%\n1\n\n%%SHA256SUM%%\n%s\n\n%%ARCH%%\nany\n\n%%BUILDDATE%%\n%d\n\n%%PACKAGER%%\nOne\n\n",
			it.path, it.name, it.name, it.version, len(it.body), it.sum, dated(it.version).Unix())
		entry := []file{{dir, nil}, {dir + "desc", []byte(text)}}
		desc = append(desc, entry...)
		files = append(append(files, entry...), file{dir + "files", []byte("%FILES%\nusr/\nusr/" + it.name + "\n\n")})
	}
	var signatures []change
	for _, f := range []file{{"one.db", gzipped(tarred(desc...))}, {"one.files", gzipped(tarred(files...))}} {
		signed, err := gpg(f.body, "--detach-sign")
		if err != nil {
			return nil, err
		}
		changes = append(changes, change{path: f.name, body: f.body, fixed: true})
		signatures = append(signatures, change{path: f.name + ".sig", body: signed, fixed: true})
	}
	changes = append(changes, signatures...)
	return append(changes, a.pool.cleared(n)...), nil
}

// pacman has a root, a database and keys of its own.
type pacman struct {
	dir, program string
}

func newPacman(t *testing.T, url string) program {
	if os.Geteuid() != 0 {
		t.Fatal("pacman updates for root only: run the tests as root, as `make check` does")
	}
	p := &pacman{dir: t.TempDir(), program: server.Installed(t, "pacman", "pacman-package-manager")}
	for _, sub := range []string{"root", "db", "cache"} {
		if err := os.Mkdir(p.dir+"/"+sub, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(p.dir+"/keys", 0o700); err != nil {
		t.Fatal(err)
	}
	// Where pacman looks for keys, and for whom they are trusted.
	_, err := gpg(nil, "--output", p.dir+"/keys/pubring.gpg", "--export")
	if err == nil {
		_, err = runGPG(p.dir+"/keys", nil, "--no-autostart", "--check-trustdb")
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.dir+"/pacman.conf", "[options]\nArchitecture = auto\nSigLevel = PackageNever DatabaseRequired DatabaseTrustAll\n"+
		"[one]\nServer = "+url+"\n")
	return p
}

func (p *pacman) run(args ...string) (string, error) {
	return command(p.dir, p.program, append([]string{"--root", p.dir + "/root", "--dbpath", p.dir + "/db", "--cachedir", p.dir + "/cache",
		"--gpgdir", p.dir + "/keys", "--config", p.dir + "/pacman.conf", "--logfile", p.dir + "/log", "--noconfirm"}, args...)...)
}

func (p *pacman) forget() { os.RemoveAll(p.dir + "/db/sync") }

func (p *pacman) update() (string, error) { return p.run("-Syy") }

func (p *pacman) take(name string) (string, error) {
	defer func() {
		os.RemoveAll(p.dir + "/cache")
		os.Mkdir(p.dir+"/cache", 0o755)
	}()
	return p.run("-Sw", name)
}

var generationEntry = regexp.MustCompile(`^generation-1\.0-(\d+)/`)

func (p *pacman) held() int {
	f, err := os.Open(p.dir + "/db/sync/one.db")
	if err != nil {
		return 0
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0
	}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if err != nil {
			return 0
		}
		if found := generationEntry.FindStringSubmatch(header.Name); found != nil {
			n, _ := strconv.Atoi(found[1])
			return n
		}
	}
}

func (p *pacman) kinds() []kind {
	return []kind{
		{signature, regexp.MustCompile(`(?i)PGP signature|signature from .* is (invalid|unknown)|missing required signature`)},
		{mismatch, regexp.MustCompile(`(?i)checksum|invalid or corrupted|is corrupted`)},
		{gone, regexp.MustCompile(`(?i)returned error: 404`)},
		{broken, regexp.MustCompile(`^(error|warning):`)},
	}
}
