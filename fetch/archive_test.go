package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// archive is an apt archive of one suite, as an upstream has it: the members of its
// Release in a directory of their own, and a pool.
type archive struct {
	t       *testing.T
	o       *origin.Origin
	byHash  bool
	serial  int
	pool    map[string]string // content by name
	members map[string]string // likewise, as the last Release names them
}

func newArchive(t *testing.T, byHash bool) *archive {
	return &archive{t: t, o: origin.New(t), byHash: byHash, pool: make(map[string]string), members: make(map[string]string)}
}

const (
	inRelease = "dists/sid/InRelease"
	packages  = "dists/sid/main/binary-amd64/Packages"
	hashed    = "dists/sid/main/binary-amd64/by-hash/SHA256/"
)

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// add puts a version of a package into the pool, in place of all others of it.
func (a *archive) add(pkg, version, content string) {
	maps.DeleteFunc(a.pool, func(name, _ string) bool { return strings.HasPrefix(name, "pool/"+pkg+"_") })
	name := fmt.Sprintf("pool/%s_%s_amd64.deb", pkg, version)
	a.pool[name] = content
	a.set(name, content)
}

func (a *archive) set(name, content string) {
	a.o.Set("/"+name, origin.File{Body: []byte(content), ModTime: a.at()})
}

// at is the time of the archive's present version: each is a minute younger.
func (a *archive) at() time.Time { return origin.Epoch.Add(time.Duration(a.serial) * time.Minute) }

// index writes the indexes of what the pool has, and not yet the Release.
func (a *archive) index() {
	a.serial++
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(a.pool)) {
		file := strings.Split(strings.TrimPrefix(name, "pool/"), "_")
		fmt.Fprintf(&text, "Package: %s\nVersion: %s\nArchitecture: amd64\nFilename: %s\nSize: %d\nSHA256: %s\n\n",
			file[0], file[1], name, len(a.pool[name]), sum(a.pool[name]))
	}
	a.members[packages] = text.String()
	a.set(packages, text.String())
	if a.byHash {
		a.set(hashed+sum(text.String()), text.String())
	}
}

// release publishes a Release of the members.
func (a *archive) release() {
	var text strings.Builder
	fmt.Fprintf(&text, "Origin: test\nSuite: sid\nDate: %s\n", a.at().Format(time.RFC1123))
	if a.byHash {
		text.WriteString("Acquire-By-Hash: yes\n")
	}
	text.WriteString("SHA256:\n")
	for _, name := range slices.Sorted(maps.Keys(a.members)) {
		fmt.Fprintf(&text, " %s %d %s\n", sum(a.members[name]), len(a.members[name]), strings.TrimPrefix(name, "dists/sid/"))
	}
	a.set(inRelease, signedInline(text.String()))
	a.set("dists/sid/Release", text.String())
	a.set("dists/sid/Release.gpg", "signature of "+sum(text.String()))
}

// signedInline has the form of a text that is signed.
func signedInline(text string) string {
	return "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + text +
		"-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
}

func (a *archive) update() {
	a.index()
	a.release()
}

// body is what upstream has.
func (a *archive) body(name string) string {
	a.t.Helper()
	b, ok := a.o.Body("/" + name)
	if !ok {
		a.t.Fatalf("upstream has no %s", name)
	}
	return string(b)
}

// mirrored is an archive and its mirror.
type mirrored struct {
	*archive
	*site
	e *Engine
}

func newMirrored(t *testing.T, byHash bool, extra string) *mirrored {
	a := newArchive(t, byHash)
	a.add("one", "1", "the first version of one")
	a.add("two", "1", "the first version of two")
	a.update()
	s := newSite(t, "max_age = \"1m\"\nnegative_ttl = \"0s\"\n"+extra, a.o)
	return &mirrored{a, s, s.engine()}
}

// fetch gets names, and waits until they are published.
func (m *mirrored) fetch(names ...string) {
	m.site.t.Helper()
	for _, name := range names {
		if got, err := m.get(m.e, mirror.Name("m/"+name)); err != nil || string(got) != m.body(name) {
			m.site.t.Fatalf("%s: %q, %v, want %q", name, got, err, m.body(name))
		}
		m.settle(m.e)
	}
}

// refresh asks for a name that is due, and waits until that has had its effect.
func (m *mirrored) refresh(name string) {
	m.site.t.Helper()
	m.clock.advance(2 * time.Minute)
	if _, err := m.get(m.e, mirror.Name("m/"+name)); err != nil {
		m.site.t.Fatal(err)
	}
	m.settle(m.e)
}

// wantHeld checks what the docroot has.
func (m *mirrored) wantHeld(name, want string) {
	m.site.t.Helper()
	m.wantPublished(mirror.Name("m/"+name), []byte(want), time.Time{})
}
