package test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"mirror/internal/origin"
)

// archive is a small signed Debian archive in two releases: what apt sees before
// and after an update of the one package in it.
type archive struct {
	key      string            // path of the public key
	releases [2][]archiveFile  // all files of each release
	packages [2]string         // path of the package in each, below the archive
	contents map[string][]byte // of the packages
}

type archiveFile struct {
	path     string // "/dists/stable/InRelease"
	body     []byte
	modified time.Time
}

// debianArchive makes the archive once for all fronts.
var debianArchive = sync.OnceValues(func() (*archive, error) {
	a := &archive{contents: make(map[string][]byte)}
	dir := filepath.Join(binaries, "archive")
	gnupg := filepath.Join(dir, "gnupg")
	if err := os.MkdirAll(gnupg, 0o700); err != nil {
		return nil, err
	}
	b := builder{dir: dir, env: append(os.Environ(), "GNUPGHOME="+gnupg, "LC_ALL=C")}
	b.run("gpg", "--batch", "--passphrase", "", "--quick-gen-key", "archive@one.example", "ed25519", "sign", "never")
	defer b.run("gpgconf", "--kill", "all")
	b.run("gpg", "--batch", "--armor", "--output", "key.asc", "--export")
	a.key = filepath.Join(dir, "key.asc")
	for i := range a.releases {
		version := fmt.Sprintf("1:%d.0~rc1+b1", i+1)
		pool := "debian/pool/main/h/hello"
		// As in a real pool: the name holds what needs escaping.
		name := fmt.Sprintf("hello+mirror_%d.0~rc1+b1_all.deb", i+1)
		b.write("build/DEBIAN/control", "Package: hello+mirror\nVersion: "+version+"\nArchitecture: all\n"+
			"Maintainer: One <archive@one.example>\nDescription: a package to be mirrored\n")
		b.write("build/usr/share/hello/content", string(origin.Bytes(uint64(i), 200_000)))
		b.mkdir(pool)
		b.run("dpkg-deb", "--root-owner-group", "--build", "build", filepath.Join(pool, name))
		a.packages[i] = "/pool/main/h/hello/" + name

		index := "debian/dists/stable/main/binary-amd64/Packages"
		b.mkdir(filepath.Dir(index))
		packages := b.runIn("debian", "apt-ftparchive", "packages", "pool")
		b.write(index, packages)
		b.run("gzip", "-fkn", index)
		b.write("debian/dists/stable/Release", b.runIn("debian", "apt-ftparchive",
			"-o", "APT::FTPArchive::Release::Suite=stable", "-o", "APT::FTPArchive::Release::Codename=stable",
			"-o", "APT::FTPArchive::Release::Architectures=amd64", "-o", "APT::FTPArchive::Release::Components=main",
			"release", "dists/stable"))
		b.run("gpg", "--batch", "--yes", "--clearsign", "--output", "debian/dists/stable/InRelease", "debian/dists/stable/Release")
		b.collect(a, i)
	}
	return a, b.err
})

// collect reads what a web server would serve of release i.
func (b *builder) collect(a *archive, i int) {
	root := filepath.Join(b.dir, "debian")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := path[len(root):]
		// Each release is an hour younger; packages do not change.
		modified := origin.Epoch.Add(time.Duration(i) * time.Hour)
		if filepath.Ext(name) == ".deb" {
			a.contents[name] = body
			modified = origin.Epoch
		}
		a.releases[i] = append(a.releases[i], archiveFile{name, body, modified})
		return nil
	})
	if b.err == nil {
		b.err = err
	}
}

// builder runs commands until one fails.
type builder struct {
	dir string
	env []string
	err error
}

func (b *builder) run(name string, args ...string) { b.runIn("", name, args...) }

func (b *builder) runIn(dir, name string, args ...string) (stdout string) {
	if b.err != nil {
		return ""
	}
	var out, problems bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = filepath.Join(b.dir, dir), b.env, &out, &problems
	if err := cmd.Run(); err != nil {
		b.err = fmt.Errorf("%s %q: %w\n%s\n(Debian packages: dpkg, apt-utils, gpg, gpg-agent)", name, args, err, &problems)
	}
	return out.String()
}

func (b *builder) mkdir(path string) {
	if b.err == nil {
		b.err = os.MkdirAll(filepath.Join(b.dir, path), 0o755)
	}
}

func (b *builder) write(path, text string) {
	b.mkdir(filepath.Dir(path))
	if b.err == nil {
		b.err = os.WriteFile(filepath.Join(b.dir, path), []byte(text), 0o644)
	}
}

// publish puts release i of the archive upstream.
func (s *site) publish(a *archive, i int) {
	for _, f := range a.releases[i] {
		s.upstream.Set(pub+"/debian"+f.path, origin.File{Body: f.body, ModTime: f.modified})
	}
}
