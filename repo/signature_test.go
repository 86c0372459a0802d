package repo

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// gpg is a home of gpg, with keys that are made at a given time.
type gpg struct {
	t    *testing.T
	home string
}

func newGPG(t *testing.T) *gpg {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Fatal("gpg is missing: install the Debian package gpg")
	}
	home, err := os.MkdirTemp("", "gpg") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	g := &gpg{t, home}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	return g
}

// run runs gpg as if it were now, and returns what it printed.
func (g *gpg) run(now time.Time, input string, args ...string) []byte {
	g.t.Helper()
	args = append([]string{"--homedir", g.home, "--batch", "--yes", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--trust-model", "always",
		"--faked-system-time", now.UTC().Format("20060102T150405"), "--ignore-time-conflict"}, args...)
	cmd := exec.Command("gpg", args...)
	cmd.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		g.t.Fatalf("gpg %v: %v\n%s", args, err, errs.Bytes())
	}
	return out.Bytes()
}

func (g *gpg) ring(now time.Time, ids ...string) *Keyring {
	g.t.Helper()
	path := filepath.Join(g.t.TempDir(), "keys.gpg")
	if err := os.WriteFile(path, g.run(now, "", append([]string{"--export"}, ids...)...), 0o600); err != nil {
		g.t.Fatal(err)
	}
	k, err := LoadKeyring(path)
	if err != nil {
		g.t.Fatal(err)
	}
	return k
}

var made = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// TestSignatures holds the checks to what gpg signed.
func TestSignatures(t *testing.T) {
	g := newGPG(t)
	year := 365 * 24 * time.Hour
	const text = "Date: now\n- dash\n\ntrailing  \nlast"
	for _, key := range [][]string{{"good", "ed25519", "never"}, {"short", "rsa2048", "30d"}, {"other", "ed25519", "never"}, {"gone", "ed25519", "never"}} {
		g.run(made, "", "--quick-gen-key", key[0]+"@example.invalid", key[1], "sign", key[2])
	}
	later := made.Add(time.Hour)
	ring := g.ring(later, "good@", "short@", "gone@")
	sign := func(how string, ids ...string) []byte {
		args := []string{}
		for _, id := range ids {
			args = append(args, "-u", id+"@")
		}
		return g.run(later, text, append(args, how)...)
	}
	detached := func(k *Keyring, body string, signature []byte, now time.Time) error {
		return k.Detached(strings.NewReader(body), signature, now)
	}
	accepted := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused := func(what string, err error, why string) {
		t.Helper()
		if !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, to say %q", what, err, why)
		}
	}

	accepted("binary", detached(ring, text, sign("--detach-sign", "good"), later))
	accepted("rsa", detached(ring, text, sign("--detach-sign", "short"), later))
	armoured := g.run(later, text, "-u", "good@", "--armor", "--detach-sign")
	accepted("armoured", detached(ring, text, armoured, later.Add(year)))
	accepted("our clock is late", detached(ring, text, armoured, later.Add(-time.Minute)))
	refused("of the future", detached(ring, text, armoured, made.Add(time.Minute)), "not come")
	accepted("text", detached(ring, text, g.run(later, text, "-u", "good@", "--textmode", "--detach-sign"), later))
	refused("another text", detached(ring, text+"\n", armoured, later), "has not signed what is there")
	refused("unknown", detached(ring, text, sign("--detach-sign", "other"), later), "not in the keyring")
	accepted("one of two is known", detached(ring, text, sign("--detach-sign", "other", "good"), later))
	accepted("one of two is valid", detached(ring, text, sign("--detach-sign", "short", "good"), later.Add(year)))
	refused("expired", detached(ring, text, sign("--detach-sign", "short"), later.Add(year)), "the key has expired")
	refused("weak", detached(ring, text, g.run(later, text, "-u", "good@", "--digest-algo", "SHA1", "--detach-sign"), later), "")
	refused("signature expired", detached(ring, text, g.run(later, text, "-u", "good@", "--default-sig-expire", "7d", "--detach-sign"), later.Add(year)), "the signature has expired")
	refused("no signature", detached(ring, text, nil, later), "no signature in the file")
	refused("html", detached(ring, text, []byte("<html>"), later), "no signature in the file")
	refused("damaged", detached(ring, text, armoured[:len(armoured)/2], later), "")
	refused("the message itself", detached(ring, text, sign("--sign", "good"), later), "")

	fits := func(what, text string, signature []byte, want, known bool) {
		t.Helper()
		if got, ok := SignatureFits(strings.NewReader(text), int64(len(text)), signature); got != want || ok != known {
			t.Errorf("%s: fits %v (known %v), want %v (%v)", what, got, ok, want, known)
		}
	}
	fits("binary", text, sign("--detach-sign", "good"), true, true)
	fits("armoured", text, armoured, true, true)
	fits("unknown key", text, sign("--detach-sign", "other"), true, true)
	fits("two", text, sign("--detach-sign", "other", "good"), true, true)
	fits("text", text, g.run(later, text, "-u", "good@", "--textmode", "--detach-sign"), true, true)
	fits("another text", text+"x", armoured, false, true)
	fits("html", text, []byte("<html>"), false, false)
	fits("empty", text, nil, false, false)

	inline := sign("--clearsign", "good", "other")
	body, err := ring.Inline(bytes.NewReader(inline), later)
	accepted("inline", err)
	if want := "Date: now\n- dash\n\ntrailing\nlast\n"; string(body) != want {
		t.Errorf("the body is %q", body)
	}
	crlf := bytes.ReplaceAll(inline, []byte("\n"), []byte("\r\n"))
	_, err = ring.Inline(bytes.NewReader(crlf), later)
	accepted("inline, CRLF", err)
	_, err = ring.Inline(bytes.NewReader(bytes.Replace(inline, []byte("now"), []byte("new"), 1)), later)
	refused("inline, changed", err, "has not signed")

	fingerprint := field(g.run(later, "", "--with-colons", "--list-keys", "gone@"), "fpr", 9)
	revocation, err := os.ReadFile(filepath.Join(g.home, "openpgp-revocs.d", fingerprint+".rev"))
	if err != nil {
		t.Fatal(err)
	}
	before := sign("--detach-sign", "gone")
	accepted("before it is revoked", detached(ring, text, before, later))
	g.run(later, strings.Replace(string(revocation), ":-----BEGIN", "-----BEGIN", 1), "--import")
	refused("revoked", detached(g.ring(later, "gone@"), text, before, later.Add(time.Hour)), "revoked")

	// A subkey that signs, and a key that was renewed after it had signed and was
	// exported without its older signatures.
	g.run(made, "", "--quick-gen-key", "renewed@example.invalid", "ed25519", "cert", "1y")
	fingerprint = field(g.run(made, "", "--with-colons", "--list-keys", "renewed@"), "fpr", 9)
	g.run(made, "", "--quick-add-key", fingerprint, "ed25519", "sign", "1y")
	before = sign("--detach-sign", "renewed")
	accepted("subkey", detached(g.ring(later, "renewed@"), text, before, later))
	g.run(later.Add(year/2), "", "--quick-set-expire", fingerprint, "2y")
	g.run(later.Add(year/2), "", "--quick-set-expire", fingerprint, "2y", "*")
	path := filepath.Join(t.TempDir(), "minimal")
	if err := os.WriteFile(path, g.run(later.Add(year/2), "", "--export-options", "export-minimal", "--export", "renewed@"), 0o600); err != nil {
		t.Fatal(err)
	}
	minimal, err := LoadKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	accepted("renewed", detached(minimal, text, before, later.Add(year+year/4)))
	refused("renewed, changed", detached(minimal, text+"x", before, later.Add(year+year/4)), "has not signed")
}

// field is one of the first line of its kind that gpg prints with colons.
func field(out []byte, kind string, n int) string {
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), ":"); f[0] == kind && len(f) > n {
			return f[n]
		}
	}
	return ""
}

// signed is the time that testdata/repos was made at, and a little more.
var signed = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)

func testRing(t *testing.T, name string) *Keyring {
	t.Helper()
	k, err := LoadKeyring(filepath.Join("testdata/repos/keys", name))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRepositorySignatures checks every signature that Of knows of in testdata/repos.
func TestRepositorySignatures(t *testing.T) {
	one, two := testRing(t, "one.gpg"), testRing(t, "two.asc")
	if a, b := one.keys[0].PrimaryKey.Fingerprint, two.keys[0].PrimaryKey.Fingerprint; bytes.Equal(a, b) {
		t.Errorf("both keys are %x", a)
	}
	k, _ := New("auto")
	for _, name := range []string{"debian/dists/leaf/Release", "rpm/repodata/repomd.xml", "arch/grove.db"} {
		body, err := os.ReadFile(filepath.Join("testdata/repos", name))
		if err != nil {
			t.Fatal(err)
		}
		signature, err := os.ReadFile(filepath.Join("testdata/repos", k.Of(name).Signatures[0]))
		if err != nil {
			t.Fatal(err)
		}
		if err := one.Detached(bytes.NewReader(body), signature, signed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := two.Detached(bytes.NewReader(body), signature, signed); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	text, err := os.ReadFile("testdata/repos/debian/dists/leaf/InRelease")
	if err != nil {
		t.Fatal(err)
	}
	release, err := os.ReadFile("testdata/repos/debian/dists/leaf/Release")
	if err != nil {
		t.Fatal(err)
	}
	for _, ring := range []*Keyring{one, two} {
		if body, err := ring.Inline(bytes.NewReader(text), signed); err != nil || !bytes.Equal(body, release) {
			t.Errorf("InRelease: %v", err)
		}
	}
}

// TestOutside adds to a signed text what would be read as if it had been signed.
func TestOutside(t *testing.T) {
	one := testRing(t, "one.gpg")
	text, err := os.ReadFile("testdata/repos/debian/dists/leaf/InRelease")
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	forged := "SHA256:\n " + x(64) + " 1 main/evil\n"
	for what, bad := range map[string]string{
		"before":              forged + s,
		"before, with blank":  forged + "\n" + s,
		"behind":              s + forged,
		"two":                 s + s,
		"in the headers":      strings.Replace(s, "Hash: SHA256\n", "Hash: SHA256\n"+forged, 1),
		"header without end":  strings.Replace(s, "Hash: SHA256\n\n", "Hash: SHA256\n \t"+forged+"\n", 1),
		"dash not escaped":    strings.Replace(s, "Suite:", "-----BEGIN PGP SIGNED MESSAGE-----\nSuite:", 1),
		"within the armour":   strings.Replace(s, "\n-----END PGP SIGNATURE-----", "\n-----END PGP SIGNATURE-----\n"+forged+"-----END PGP SIGNATURE-----", 1),
		"signature cut":       s[:len(s)-30],
		"body cut":            s[:len(s)/2],
		"changed":             strings.Replace(s, "leaf", "laef", 1),
		"another begin":       strings.Replace(s, "-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNED MESSAGE----- ", 1) + "x",
		"a line that is long": strings.Replace(s, "Suite:", strings.Repeat("a", 70000)+"\nSuite:", 1),
	} {
		body, err := one.Inline(strings.NewReader(bad), signed)
		if err == nil || body != nil {
			t.Errorf("%s: accepted: %q", what, body)
		}
	}
	for _, same := range []string{"\n" + s, s + "\n\n", strings.ReplaceAll(s, "\n", "\r\n")} {
		if _, err := one.Inline(strings.NewReader(same), signed); err != nil {
			t.Error(err)
		}
	}
	if _, err := one.Inline(strings.NewReader("Suite: x\n"), signed); !errors.Is(err, ErrUnsigned) {
		t.Error(err)
	}
}

func TestKeyrings(t *testing.T) {
	one, err := os.ReadFile("testdata/repos/keys/one.gpg")
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile("testdata/repos/keys/two.asc")
	if err != nil {
		t.Fatal(err)
	}
	load := func(data string) (int, error) {
		path := filepath.Join(t.TempDir(), "ring")
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := LoadKeyring(path)
		if err != nil {
			return 0, err
		}
		return len(k.keys), nil
	}
	for data, n := range map[string]int{
		string(one): 1, string(two): 1, string(one) + string(one): 2, string(two) + string(two): 2, "some words\n" + string(two): 1,
	} {
		if got, err := load(data); got != n || err != nil {
			t.Errorf("%d keys of %d: %v", got, n, err)
		}
	}
	for data, why := range map[string]string{
		"":      "empty",
		"words": "no key",
		"\x00\x00\x00\x20\x01\x01\x00\x02KBXf\x00": "--export",
		string(one[:40]): "cannot be read",
		"\x99\x00":       "cannot be read",
		strings.ReplaceAll(string(two), "PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK"): "public keys only",
	} {
		if _, err := load(data); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.30q: %v, to say %q", data, err, why)
		}
	}
	if _, err := LoadKeyring(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestTogether checks signatures in many goroutines; the race detector looks on.
func TestTogether(t *testing.T) {
	one := testRing(t, "one.gpg")
	text, err := os.ReadFile("testdata/repos/debian/dists/leaf/InRelease")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := one.Inline(bytes.NewReader(text), signed); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func FuzzKeyring(f *testing.F) {
	for _, name := range []string{"one.gpg", "two.asc"} {
		data, err := os.ReadFile(filepath.Join("testdata/repos/keys", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("\x00\x00\x00\x20\x01\x01\x00\x02KBXf\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if keys, err := readKeys(data); err == nil && len(keys) == 0 {
			t.Error("a keyring without keys")
		}
	})
}

// FuzzDetached holds the check to its word: any other signature of the same key is
// one of another text.
func FuzzDetached(f *testing.F) {
	signature, err := os.ReadFile("testdata/repos/arch/grove.db.sig")
	if err != nil {
		f.Fatal(err)
	}
	armoured, err := os.ReadFile("testdata/repos/rpm/repodata/repomd.xml.asc")
	if err != nil {
		f.Fatal(err)
	}
	k, err := LoadKeyring("testdata/repos/keys/one.gpg")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signature)
	f.Add(armoured)
	f.Fuzz(func(t *testing.T, signature []byte) {
		if err := k.Detached(strings.NewReader("a text that nobody has signed"), signature, signed); !errors.Is(err, ErrUntrusted) {
			t.Error(err)
		}
	})
}

func FuzzInline(f *testing.F) {
	text, err := os.ReadFile("testdata/repos/debian/dists/leaf/InRelease")
	if err != nil {
		f.Fatal(err)
	}
	release, err := os.ReadFile("testdata/repos/debian/dists/leaf/Release")
	if err != nil {
		f.Fatal(err)
	}
	k, err := LoadKeyring("testdata/repos/keys/one.gpg")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\n\na\n-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		// Nothing but what was signed is ever accepted.
		if body, err := k.Inline(bytes.NewReader(text), signed); err == nil && !bytes.Equal(body, release) {
			t.Errorf("accepted %q", body)
		}
	})
}
