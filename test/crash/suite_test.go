package crash

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"mirror/internal/origin"
	"mirror/maint"
)

// suite is an apt archive that is updated all the time: names that change together,
// and names that never change. Its upstream is its own, and never down: else its
// generations would rarely come to anything.
type suite struct {
	prefix  string // "/apt/"
	byHash  bool
	halfway bool // its updates stop in the middle at times, for a while
	aside   bool // mutable files are kept in the state directory
	o       *origin.Origin
	key     *openpgp.Entity

	mu      sync.Mutex
	serial  int              // guarded by mu
	files   map[string]*file // guarded by mu: all that it ever had, by path
	list    []*file          // guarded by mu: the same
	release map[string]int   // guarded by mu: the serial by content, of each fixed name
	flips   int              // guarded by mu: how often another generation was seen here
}

// fixedNames are the names below dists/sid that are of one generation.
var fixedNames = []string{"main/binary-amd64/Packages", "main/binary-amd64/Packages.gz", "Release", "Release.gpg", "InRelease"}

func (r *rig) newSuites() []*suite {
	list := []*suite{
		{prefix: "/apt/", byHash: true},
		{prefix: "/kept/", aside: true},
		{prefix: "/half/", byHash: true, halfway: true},
	}
	key, err := openpgp.NewEntity("archive", "", "archive@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, s := range list {
		s.key = key
		s.o, s.files, s.release = origin.New(r.t), make(map[string]*file), make(map[string]int)
		s.update(nil)
	}
	return list
}

func (s *suite) path(name string) string { return s.prefix + "dists/sid/" + name }

// at is the time of the present version. mu is held. It is of today, so that a
// signature that is older than what it signs is not taken for one that will stay.
func (s *suite) at() time.Time { return begun.Add(time.Duration(s.serial) * time.Second) }

var begun = time.Now().Truncate(time.Second)

// note takes down a version of a file, before upstream has it. mu is held.
func (s *suite) note(path, text string) func() {
	v := origin.File{Body: []byte(text), ModTime: s.at()}
	f := s.files[path]
	if f == nil {
		f = &file{path: path, kind: inSuite}
		if s.aside && !strings.Contains(path, "/pool/") {
			f.kind = inSuiteAside
		}
		s.files[path] = f
	}
	f.mu.Lock()
	f.versions = append(f.versions, v)
	isNew := len(f.versions) == 1
	f.mu.Unlock()
	return func() {
		s.o.Set(path, v)
		if isNew { // now it may be asked for
			s.mu.Lock()
			s.list = append(s.list, f)
			s.mu.Unlock()
		}
	}
}

// sign makes the signature of a Release: two bytes of it tell what it is for.
func (s *suite) sign(text string) string {
	var b strings.Builder
	if err := openpgp.ArmoredDetachSign(&b, s.key, strings.NewReader(text), nil); err != nil {
		panic(err)
	}
	return b.String()
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

// update makes a version, and publishes it in the order in which archives do: what
// is named before what names it. between is called in the middle; nil: nothing is.
func (s *suite) update(between func()) {
	s.mu.Lock()
	s.serial++
	n := s.serial
	var sets []func()
	deb := fmt.Sprintf("package of version %d, %s", n, strings.Repeat("x", n%7*1000))
	pool := fmt.Sprintf("pool/one_%d_amd64.deb", n)
	sets = append(sets, s.note(s.prefix+pool, deb))
	text := fmt.Sprintf("Package: one\nVersion: %d\nArchitecture: amd64\nFilename: %s\nSize: %d\nSHA256: %s\n", n, pool, len(deb), sum(deb))
	members := []struct{ name, text string }{{fixedNames[0], text}, {fixedNames[1], packed(text)}}
	release := fmt.Sprintf("Origin: test\nSuite: sid\nDate: %s\n", s.at().Format(time.RFC1123))
	if s.byHash {
		release += "Acquire-By-Hash: yes\n"
	}
	release += "SHA256:\n"
	for _, m := range members {
		release += fmt.Sprintf(" %s %d %s\n", sum(m.text), len(m.text), m.name)
		if s.byHash {
			sets = append(sets, s.note(s.path("main/binary-amd64/by-hash/SHA256/"+sum(m.text)), m.text))
		}
	}
	first := len(sets)
	fixed := []string{members[0].text, members[1].text, release, s.sign(release),
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + release + "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"}
	for i, name := range fixedNames {
		s.release[name+"\n"+fixed[i]] = n
		sets = append(sets, s.note(s.path(name), fixed[i]))
	}
	s.mu.Unlock()
	if between != nil { // what vouches for all comes first, and what it names later
		for i := len(sets) - 1; i >= first; i-- {
			sets[i]()
			if i == len(sets)-1 {
				between()
			}
		}
		sets = sets[:first]
	}
	for _, set := range sets {
		set()
	}
}

// any returns a file, one of the present version more often than an older one.
func (s *suite) any(rnd *rand.Rand) *file {
	if rnd.IntN(2) == 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.files[s.path(fixedNames[rnd.IntN(len(fixedNames))])]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[max(0, len(s.list)-1-rnd.IntN(20))]
}

// all returns what it ever had.
func (s *suite) all() []*file {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[:len(s.list):len(s.list)]
}

// run updates the suite until the storm is over, and leaves it whole.
func (s *suite) run(stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(17, uint64(len(s.prefix))))
	for pause(stop, time.Duration(200+rnd.IntN(500))*time.Millisecond) {
		var between func()
		if s.halfway && rnd.IntN(4) == 0 {
			between = func() { pause(stop, time.Duration(rnd.IntN(300))*time.Millisecond) }
		}
		s.update(between)
	}
}

// root is where the mutable files of a suite stand.
func (r *rig) root(s *suite) string {
	if s.aside {
		return r.aside()
	}
	return r.docroot()
}

// held reads the fixed names that are here, each with the serial of its version.
func (r *rig) held(s *suite) (serials map[string]int) {
	serials = make(map[string]int)
	for _, name := range fixedNames {
		b, err := os.ReadFile(r.root(s) + s.path(name))
		if err != nil {
			continue
		}
		s.mu.Lock()
		n, ok := s.release[name+"\n"+string(b)]
		s.mu.Unlock()
		if !ok {
			r.t.Errorf("%s: %d bytes that no version has", s.path(name), len(b))
		}
		serials[name] = n
	}
	return serials
}

func mixed(serials map[string]int) bool {
	first := 0
	_, signed := serials["Release"]
	for name, n := range serials {
		if name == "Release.gpg" && !signed {
			continue // it vouches for nothing that is here
		}
		if first == 0 {
			first = n
		}
		if n != first {
			return true
		}
	}
	return false
}

// journals lists what is being published, or was when its process was killed.
func (r *rig) journals() []string {
	list, _ := filepath.Glob(filepath.Join(r.dir, ".doc-state/journal/*"))
	// One whose process was killed while it wrote it is none.
	return slices.DeleteFunc(list, func(path string) bool { return filepath.Ext(path) != "" })
}

// watch looks at the fixed names all the time: they are of one generation, unless a
// journal says that it is being changed. Only one that has just arrived may be of another,
// until what is known of it by then has been compared.
func (r *rig) watch(s *suite, stop <-chan struct{}) {
	top := r.root(s) + s.path("InRelease")
	seen := 0
	var agreed map[string]int // when they were last of one generation
	for pause(stop, time.Millisecond) {
		before, err := os.Stat(top)
		if err != nil || len(r.journals()) > 0 {
			continue
		}
		serials := r.held(s)
		if len(r.journals()) > 0 {
			continue
		}
		// The top changes last: if it has not, nothing had its end meanwhile.
		if after, err := os.Stat(top); err != nil || !os.SameFile(before, after) {
			continue
		}
		if !mixed(serials) {
			agreed = serials
		}
		old := maps.Clone(serials)
		maps.DeleteFunc(old, func(name string, _ int) bool { return agreed[name] == 0 })
		if mixed(old) {
			r.t.Errorf("%s is of several generations, and no journal is there: %v, after %v", s.prefix, serials, agreed)
			return
		}
		if n := serials["InRelease"]; n > seen {
			seen = n
			s.mu.Lock()
			s.flips++
			s.mu.Unlock()
		}
	}
}

// hashed lists the files here that are called by their digests.
func (r *rig) hashed(s *suite) (list []string) {
	filepath.WalkDir(r.docroot()+s.path(""), func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(p, "/by-hash/") {
			list = append(list, p)
		}
		return nil
	})
	return list
}

// settle has a suite become what its upstream is, which is at rest.
func (r *rig) settle(s *suite) {
	ask := r.viaDaemon(0)
	get := func(f *file) {
		if b, err := ask(f); err != nil {
			r.t.Errorf("%s after the storm: %v", f.path, err)
		} else if _, ok := f.version(b); !ok {
			r.t.Errorf("%s after the storm: %d bytes that no version has", f.path, len(b))
		}
	}
	top := s.files[s.path("InRelease")]
	r.until(s.prefix+" is as upstream", func() bool { // a try that has failed is followed by another after ten seconds
		get(top)
		return r.held(s)["InRelease"] == s.serial
	})
	for _, name := range fixedNames {
		get(s.files[s.path(name)])
	}
	for _, f := range s.list[max(0, len(s.list)-20):] {
		get(f)
	}
	r.until(fmt.Sprintf("all is here of %s: %v, %v", s.prefix, r.held(s), r.journals()), func() bool {
		return len(r.held(s)) == len(fixedNames) && len(r.journals()) == 0
	})
	if serials := r.held(s); mixed(serials) || serials["InRelease"] != s.serial {
		r.t.Errorf("%s after the storm: %v, want all of %d", s.prefix, serials, s.serial)
	}
}

// calm checks what a suite comes to once its upstream is at rest.
func (r *rig) calm(s *suite) {
	old := r.hashed(s)
	r.settle(s)
	for _, path := range old {
		if _, err := os.Stat(path); err != nil {
			r.t.Errorf("what clients that are behind may ask for has gone: %v", err)
		}
	}
	if s.byHash && len(old) < 2 {
		r.t.Errorf("only %d files are called by their digests: nothing was tested", len(old))
	}
	r.t.Logf("%s: %d versions upstream, %d seen here", s.prefix, s.serial, s.flips)
	if least := max(2, *kills/100); !s.halfway && s.flips < least {
		r.t.Errorf("only %d generations of %s were seen here, want %d: nothing was tested", s.flips, s.prefix, least)
	}
}

// checkLeft checks that nothing is left behind, and that the record agrees with what
// is there.
func (r *rig) checkLeft() {
	if list := r.journals(); len(list) > 0 {
		r.t.Errorf("left behind: %v", list)
	}
	found, cleared := r.verify()
	if found.Right+cleared != found.Files || found.Files < len(r.files) {
		r.t.Errorf("of %d files on record %d are right: %+v", found.Files, found.Right, found)
	}
}

// verify reads all that is on record, and compares it. cleared is how many of those that
// are missing a sync took away that was killed before it had recorded that.
func (r *rig) verify() (found maint.Verified, cleared int) {
	r.t.Helper()
	cmd := r.command("mirrorctl", "--config", r.conf(0), "verify", "--dry-run", "--json", "--rate", "0")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	lines := bytes.Split(bytes.TrimSpace(out), []byte{'\n'})
	var last struct{ Summary maint.Verified }
	if err := errors.Join(err, json.Unmarshal(lines[len(lines)-1], &last)); err != nil {
		r.t.Errorf("verify: %v\n%s%s", err, out, errs.String())
	}
	for _, line := range lines[:len(lines)-1] {
		if bytes.HasPrefix(line, []byte(`{"path":"`+treePrefix)) && bytes.Contains(line, []byte(`"state":"missing"`)) {
			cleared++
		}
	}
	return last.Summary, cleared
}
