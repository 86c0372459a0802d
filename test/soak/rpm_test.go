package soak

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"mirror/internal/server"
)

// rpm is a repository for dnf: metadata is called by its digest, and repomd.xml and
// its signature have fixed names.
type rpm struct {
	pool   pool
	hashed []string // paths of the metadata of the latest generation
}

func newRPM() *rpm { return &rpm{pool: newPool(3)} }

func (r *rpm) next(n int) ([]change, error) {
	changes := r.pool.turn(n, func(name string, n int) item {
		return item{path: fmt.Sprintf("Packages/%s-1.0-%d.noarch.rpm", name, n), body: r.pool.content()}
	})
	for _, path := range r.hashed {
		r.pool.drop(n, path)
	}
	r.hashed = nil
	var repomd bytes.Buffer
	fmt.Fprintf(&repomd, `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>%d</revision>
`, n)
	for _, f := range []file{{"primary", r.primary()}, {"filelists", r.list("filelists")}, {"other", r.list("other")}} {
		compressed := gzipped(f.body)
		path := fmt.Sprintf("repodata/%s-%s.xml.gz", digest(compressed), f.name)
		fmt.Fprintf(&repomd, `  <data type="%s">
    <checksum type="sha256">%s</checksum>
    <open-checksum type="sha256">%s</open-checksum>
    <location href="%s"/>
    <timestamp>%d</timestamp>
    <size>%d</size>
    <open-size>%d</open-size>
  </data>
`, f.name, digest(compressed), digest(f.body), path, dated(n).Unix(), len(compressed), len(f.body))
		changes = append(changes, change{path: path, body: compressed})
		r.hashed = append(r.hashed, path)
	}
	repomd.WriteString("</repomd>\n")
	signed, err := gpg(repomd.Bytes(), "--armor", "--detach-sign")
	changes = append(changes,
		change{path: "repodata/repomd.xml", body: repomd.Bytes(), fixed: true},
		change{path: "repodata/repomd.xml.asc", body: signed, fixed: true})
	return append(changes, r.pool.cleared(n)...), err
}

func (r *rpm) primary() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">
`, len(r.pool.items)+filler)
	entry := func(name string, version int, sum string, size int, path string) {
		fmt.Fprintf(&b, `<package type="rpm">
  <name>%[1]s</name>
  <arch>noarch</arch>
  <version epoch="0" ver="1.0" rel="%[2]d"/>
  <checksum type="sha256" pkgid="YES">%[3]s</checksum>
  <summary>a package to be mirrored</summary>
  <description>a package to be mirrored</description>
  <packager/>
  <url/>
  <time file="1700000000" build="1700000000"/>
  <size package="%[4]d" installed="%[4]d" archive="%[4]d"/>
  <location href="%[5]s"/>
  <format>
    <rpm:license>MIT</rpm:license>
    <rpm:group>Unspecified</rpm:group>
    <rpm:sourcerpm>%[1]s-1.0-%[2]d.src.rpm</rpm:sourcerpm>
    <rpm:provides><rpm:entry name="%[1]s" flags="EQ" epoch="0" ver="1.0" rel="%[2]d"/></rpm:provides>
  </format>
</package>
`, name, version, sum, size, path)
	}
	for _, it := range r.pool.sorted() {
		entry(it.name, it.version, it.sum, len(it.body), it.path)
	}
	for k := range filler {
		name := fmt.Sprintf("filler-%d", k)
		entry(name, 1, digest([]byte(name)), 1000+k, "Packages/"+name+"-1.0-1.noarch.rpm")
	}
	b.WriteString("</metadata>\n")
	return b.Bytes()
}

// list is filelists.xml or other.xml, of packages without files or history.
func (r *rpm) list(name string) []byte {
	var b bytes.Buffer
	root := map[string]string{"filelists": "filelists", "other": "otherdata"}[name]
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s xmlns=\"http://linux.duke.edu/metadata/%s\" packages=\"%d\">\n",
		root, name, len(r.pool.items))
	for _, it := range r.pool.sorted() {
		fmt.Fprintf(&b, "<package pkgid=\"%s\" name=\"%s\" arch=\"noarch\"><version epoch=\"0\" ver=\"1.0\" rel=\"%d\"/></package>\n",
			it.sum, it.name, it.version)
	}
	fmt.Fprintf(&b, "</%s>\n", root)
	return b.Bytes()
}

// dnf has a root, a cache and a configuration of its own.
type dnf struct {
	dir, program string
}

// newDNF checks the signature of repomd.xml if signed.
func newDNF(t *testing.T, url string, signed bool) program {
	if os.Geteuid() != 0 {
		t.Fatal("dnf installs for root only: run the tests as root, as `make check` does")
	}
	d := &dnf{dir: t.TempDir(), program: server.Installed(t, "dnf", "dnf")}
	write(t, d.dir+"/dnf.conf", fmt.Sprintf(`[main]
reposdir=/dev/null
pluginpath=/dev/null
plugins=0
cachedir=/cache
logdir=/log
persistdir=/persist
retries=1
timeout=30
fastestmirror=0
gpgcheck=0
install_weak_deps=0
[one]
name=one
baseurl=%s
repo_gpgcheck=%t
gpgkey=file://%s
skip_if_unavailable=0
`, url, signed, publicKey()))
	if err := os.Mkdir(d.dir+"/root", 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *dnf) run(args ...string) (string, error) {
	return command(d.dir, d.program, append([]string{"-y", "-c", d.dir + "/dnf.conf", "--installroot", d.dir + "/root", "--releasever=1"}, args...)...)
}

func (d *dnf) update() (string, error) { return d.run("makecache", "--refresh") }

func (d *dnf) forget() { os.RemoveAll(d.dir + "/root/cache") }

// take has dnf download a package, and nothing else: what it has in its cache is the
// generation that it goes by.
func (d *dnf) take(name string) (string, error) {
	defer func() {
		for _, dir := range d.glob("packages") {
			os.RemoveAll(dir)
		}
	}()
	return d.run("install", "--downloadonly", "--setopt=metadata_expire=never", name)
}

func (d *dnf) glob(below string) []string {
	found, _ := filepath.Glob(d.dir + "/root/cache/one-*/" + below)
	return found
}

var revision = regexp.MustCompile(`<revision>(\d+)</revision>`)

func (d *dnf) held() int {
	for _, path := range d.glob("repodata/repomd.xml") {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if found := revision.FindSubmatch(text); found != nil {
			n, _ := strconv.Atoi(string(found[1]))
			return n
		}
	}
	return 0
}

func (d *dnf) kinds() []kind {
	return []kind{
		{signature, regexp.MustCompile(`(?i)GPG signature verification|bad PGP signature|BAD signature`)},
		{mismatch, regexp.MustCompile(`(?i)checksum`)},
		{gone, regexp.MustCompile(`Status code: 404`)},
		{broken, regexp.MustCompile(`^(Error|Errors|Failed)\b|^  - |Curl error|\[MIRROR\]|\[FAILED\]`)},
	}
}
