package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzParse looks for text that makes Parse panic, or that it accepts although
// it breaks what Config promises.
func FuzzParse(f *testing.F) {
	f.Add(typical)
	f.Add("docroot='a'\nmirror=[{prefix='/',upstream=['http://one.example']}]")
	f.Add("docroot='a'\nserver.grace='1s'\n[limits]\nmax_size=1_000")
	f.Add("[[mirror]]\nprefix='/'\nupstream=[\n'ftp://a:b@c/',\n1]")
	f.Add("docroot='a'\n[[mirror]]\nprefix='/'\nindex='ls-lR'\nzone='UTC'\nupstream=['ftp://c/%2F', 'rsync://c//m//', 'file:/b', 'https://c/a%2F']")
	if example, err := os.ReadFile(examplePath); err == nil {
		f.Add(string(example))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse([]byte(text), file)
		if err != nil {
			if !strings.HasPrefix(err.Error(), file+":") {
				t.Errorf("the error does not begin with the file: %v", err)
			}
			return
		}
		if !filepath.IsAbs(c.Docroot) || !filepath.IsAbs(c.State) || isBelow(c.Docroot, c.State) || c.Docroot == c.State {
			t.Errorf("docroot %q, state %q", c.Docroot, c.State)
		}
		if !strings.HasPrefix(c.Base, "/") || !strings.HasSuffix(c.Base, "/") {
			t.Errorf("base %q", c.Base)
		}
		for _, m := range c.Mirrors {
			if m.Prefix != "" && (m.Prefix[0] == '/' || !strings.HasSuffix(m.Prefix, "/")) || strings.Contains("/"+m.Prefix, "/.") {
				t.Errorf("prefix %q", m.Prefix)
			}
			if m.Index != "" && strings.Contains("/"+m.Index+"/", "//") || strings.Contains("/"+m.Index, "/.") {
				t.Errorf("index %q", m.Index)
			}
			for _, u := range m.Upstream {
				if (u.Host == "") != (u.Scheme == "file") || !strings.Contains(u.Host, "%") && u.Host != strings.ToLower(u.Host) || !strings.HasSuffix(u.Path, "/") || !strings.HasSuffix(u.EscapedPath(), "/") || u.RawQuery != "" || u.Fragment != "" {
					t.Errorf("upstream %q", u)
				}
			}
		}
	})
}

func TestSize(t *testing.T) {
	for text, want := range map[scalar]int64{
		"0": 0, "1_000": 1000, "5B": 5, "1 KiB": 1024, "64MiB": 64 << 20, "20GB": 20e9, "1TiB": 1 << 40,
	} {
		r := &resolver{}
		if got := r.size(key{}, text, -1); got != want || len(r.problems) > 0 {
			t.Errorf("size(%q) = %d, want %d: %v", text, got, want, r.problems)
		}
	}
}

func TestFileMode(t *testing.T) {
	for _, text := range []scalar{"0660", "660", "0o660"} {
		r := &resolver{}
		if got := r.fileMode(key{}, text, 0); got != 0o660 || len(r.problems) > 0 {
			t.Errorf("fileMode(%q) = %o: %v", text, got, r.problems)
		}
	}
}

func TestWritten(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 100 * time.Millisecond: "100ms", 10 * time.Second: "10s",
		10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m",
	} {
		if got := written(d); got != want {
			t.Errorf("written(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestMissModeString(t *testing.T) {
	if got := MissRedirect.String(); got != "redirect" {
		t.Errorf("MissRedirect is %q", got)
	}
	if got := MissMode(99).String(); got != "unknown" {
		t.Errorf("an impossible mode is %q", got)
	}
}

// BenchmarkLoad is the share of configuration in the start of the CGI binary.
func BenchmarkLoad(b *testing.B) {
	path := filepath.Join(b.TempDir(), "mirror.toml")
	if err := os.WriteFile(path, []byte(typical), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(path); err != nil {
			b.Fatal(err)
		}
	}
}
