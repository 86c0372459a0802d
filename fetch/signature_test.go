package fetch

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"mirror"
)

// signer signs releases.
type signer struct {
	t   *testing.T
	key *openpgp.Entity
}

func newSigner(t *testing.T) *signer {
	key, err := openpgp.NewEntity("An Archive", "", "archive@one.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t, key}
}

func (s *signer) inline(text string) string {
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, s.key.PrivateKey, nil)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

func (s *signer) detached(text string) string {
	var b bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&b, s.key, strings.NewReader(text), nil); err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

// keyring writes the public key, and returns its path.
func (s *signer) keyring() string {
	var b bytes.Buffer
	if err := s.key.Serialize(&b); err != nil {
		s.t.Fatal(err)
	}
	path := filepath.Join(s.t.TempDir(), "keyring.gpg")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// sign has upstream's present release signed.
func (m *mirrored) sign(s *signer) {
	m.site.t.Helper()
	text := m.body("dists/sid/Release")
	m.set(inRelease, s.inline(text))
	m.set("dists/sid/Release.gpg", s.detached(text))
}

// TestKeyring: an index that no key of the keyring has signed is refused, and the
// old one stays.
func TestKeyring(t *testing.T) {
	right, wrong := newSigner(t), newSigner(t)
	for _, top := range []string{inRelease, "dists/sid/Release"} {
		m := newMirrored(t, false, "keyring = \""+right.keyring()+"\"\n")
		m.sign(wrong)
		if _, err := m.get(m.e, mirror.Name("m/"+top)); !errors.Is(err, mirror.ErrWrong) {
			t.Errorf("%s: %v, want %v", top, err, mirror.ErrWrong)
		}
		m.settle(m.e)
		m.sign(right)
		m.clock.advance(2 * leastWrong)
		m.fetch(top, packages)
		old, oldMember := m.body(top), m.body(packages)
		m.add("one", "2", "the second version of one")
		m.update()
		m.sign(wrong)
		m.refresh(top)
		m.wantHeld(top, old)
		m.wantHeld(packages, oldMember)
		if !strings.Contains(m.log.String(), "unknown") && !strings.Contains(m.log.String(), "not in the keyring") {
			t.Errorf("%s: the log does not say who signed it", top)
		}
		m.sign(right)
		m.refresh(top)
		m.wantHeld(top, m.body(top))
		m.wantHeld(packages, m.body(packages))
	}
}

// TestKeyringPair: a signature that is here fits to what it signs.
func TestKeyringPair(t *testing.T) {
	s := newSigner(t)
	m := newMirrored(t, false, "keyring = \""+s.keyring()+"\"\n")
	m.sign(s)
	m.fetch("dists/sid/Release", "dists/sid/Release.gpg")
	old, oldSignature := m.body("dists/sid/Release"), m.body("dists/sid/Release.gpg")
	m.add("one", "2", "the second version of one")
	m.update()
	m.set("dists/sid/Release.gpg", oldSignature) // not yet updated
	m.refresh("dists/sid/Release")
	m.wantHeld("dists/sid/Release", old)
	m.sign(s)
	m.refresh("dists/sid/Release")
	m.wantHeld("dists/sid/Release", m.body("dists/sid/Release"))
	m.wantHeld("dists/sid/Release.gpg", m.body("dists/sid/Release.gpg"))
}

// TestUnsignedIndex: what an index says that nobody signed does not stand against what
// a signed one says.
func TestUnsignedIndex(t *testing.T) {
	const name, forged = "pool/one_1_amd64.deb", "what a forger calls one"
	s := newSigner(t)
	for index, text := range map[string]string{
		"dists/other/main/binary-amd64/Packages": "Package: one\nVersion: 1\nArchitecture: amd64\nFilename: " + name + "\nSize: 23\nSHA256: " + sum(forged) + "\n\n",
		"x.sha256":                               sum(forged) + "  " + name + "\n",
	} {
		for _, held := range []bool{false, true} {
			m := newMirrored(t, false, "keyring = \""+s.keyring()+"\"\n")
			m.sign(s)
			m.fetch(inRelease, packages)
			right := m.body(name)
			if held {
				m.fetch(name)
			}
			m.set(name, forged)
			m.set(index, text)
			m.fetch(index)
			got, err := m.get(m.e, mirror.Name("m/"+name))
			m.settle(m.e)
			if held && (err != nil || string(got) != right) || !held && !errors.Is(err, mirror.ErrWrong) {
				t.Errorf("%s, held %v: %q, %v", index, held, got, err)
			}
		}
	}
}

// TestOtherSuite: what the right key has signed for another suite is not taken for this
// one, however new it is.
func TestOtherSuite(t *testing.T) {
	s := newSigner(t)
	for _, held := range []string{"Suite: sid\nCodename: forest\n", "Suite: unstable\nCodename: sid\n"} {
		m := newMirrored(t, false, "keyring = \""+s.keyring()+"\"\n")
		publish := func(suite string) {
			m.update()
			m.set(inRelease, s.inline(strings.Replace(m.body("dists/sid/Release"), "Suite: sid\n", suite, 1)))
		}
		publish(held)
		m.fetch(inRelease, packages)
		old, oldMember := m.body(inRelease), m.body(packages)
		m.add("one", "2", "the second version of one")
		publish("Suite: other\nCodename: forest\n")
		m.refresh(inRelease)
		m.wantHeld(inRelease, old)
		m.wantHeld(packages, oldMember)
		publish("Suite: renamed\nCodename: sid\n")
		m.refresh(inRelease)
		m.wantHeld(inRelease, m.body(inRelease))
	}
}

// TestKeyringDiskFull: where an index cannot be kept, it cannot be verified either, and
// is not passed through.
func TestKeyringDiskFull(t *testing.T) {
	s := newSigner(t)
	m := newMirrored(t, false, "keyring = \""+s.keyring()+"\"\n")
	for name, ok := range map[string]bool{inRelease: false, "dists/sid/Release": false, packages: true} {
		f, err := m.e.passThrough(m.ctx(), m.e.placeOf(mirror.Name("m/"+name)), mirror.ErrNoSpace)
		if err == nil {
			f.Close()
		}
		if ok != (err == nil) || !ok && !errors.Is(err, mirror.ErrNoSpace) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoKeyring: a keyring that cannot be read is nothing to go on with.
func TestNoKeyring(t *testing.T) {
	m := newMirrored(t, false, "keyring = \"none.gpg\"\n")
	if _, err := m.get(m.e, "m/"+inRelease); !errors.Is(err, mirror.ErrStore) || !strings.Contains(err.Error(), "none.gpg") {
		t.Errorf("%v", err)
	}
	m.settle(m.e)
}
