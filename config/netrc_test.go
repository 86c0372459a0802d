package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestParseNetrc holds the parser to netrc(5), and to the quotes of curl.
func TestParseNetrc(t *testing.T) {
	alice := []machine{{"one.example", "alice", "secret"}}
	for _, test := range []struct {
		name, text string
		want       []machine
	}{
		{"nothing", " \n\t# only a comment", nil},
		{"one line", "machine one.example login alice password secret", alice},
		{"words on lines of their own", "machine\n one.example\r\n\tlogin\nalice\npassword secret\n", alice},
		{"another order", "machine one.example password secret account x login alice", alice},
		{"keywords in capitals", "MACHINE one.example Login alice PassWord secret", alice},
		{"comments", "# one\nmachine one.example # login bob\nlogin alice\n#password wrong\npassword secret", alice},
		{"quotes", `machine "one.example" login "alice" password "secret"`, alice},
		{"quotes with all in them", `machine h login "a b" password "\"\\ #machine'"`, []machine{{"h", "a b", `"\ #machine'`}}},
		{"an empty word", `machine h login a password ""`, []machine{{"h", "a", ""}}},
		{"marks inside a word", `machine h login a"b#c password p\n"`, []machine{{"h", `a"b#c`, `p\n"`}}},
		{"a password like a keyword", "machine h login a password machine", []machine{{"h", "a", "machine"}}},
		{"several", "machine a login b password c machine d machine e password f", []machine{{"a", "b", "c"}, {"d", "", ""}, {"e", "", "f"}}},
		{"default", "machine a login b\ndefault login anonymous password me@", []machine{{"a", "b", ""}}},
		{"after default", "default login x password y machine a login b", []machine{{"a", "b", ""}}},
		{"a macro", "macdef init\nmachine evil\nlogin x\n\nmachine one.example login alice password secret", alice},
		{"a macro inside a machine", "machine one.example login alice macdef init\r\n \r\ncd /pub\r\n\r\npassword secret", alice},
		{"an empty macro", "macdef init\n\nmachine one.example login alice password secret", alice},
		{"a macro up to the end", "machine one.example login alice password secret\nmacdef init\ncd /pub", alice},
		{"a macro's name at the end", "machine one.example login alice password secret\nmacdef init", alice},
	} {
		got, err := parseNetrc(test.text)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}

// TestParseNetrcErrors meets every mistake that the text can have.
func TestParseNetrcErrors(t *testing.T) {
	for text, want := range map[string]string{
		"machine a\nlogin b\npassword my secret": `3: a word is none of "machine", "default", "login", "password", "account" and "macdef": put a value that holds spaces in double quotes`,
		"\npassword secret":                      `2: "password" belongs to no machine: write "machine HOST" before it`,
		"\n\nmachine":                            `3: nothing follows "machine": write its value after it`,
		"machine a login b\npassword\n\n":        `2: nothing follows "password": write its value after it`,
		"machine a login b password\n#secret":    `2: the value of "password" begins with "#", like a comment: put it in double quotes`,
		"machine a password \"secret\nlogin b":   `1: a quote is not closed on its line: end the value with a double quote`,
		`machine a password "secret\`:            `1: a quote is not closed on its line: end the value with a double quote`,
		`machine a password "`:                   `1: a quote is not closed on its line: end the value with a double quote`,
		"\nmachine a password \"\"secret":        `2: text follows a closing quote: put a space between, or \ before a quote that belongs to the value`,
		"\n\"secret":                             `2: a quote is not closed on its line: end the value with a double quote`,
		`machine a password "secret\n"`:          `1: the value of "password" has a control character, which no protocol takes: leave it out`,
		`machine a login "secret\t"`:             `1: the value of "login" has a control character, which no protocol takes: leave it out`,
		`machine "secret\r"`:                     `1: the value of "machine" has a control character, which no protocol takes: leave it out`,
		"machine a password secret\x00":          `1: the value of "password" has a control character, which no protocol takes: leave it out`,
		"macdef x\nmachine secret\n\nsecret":     `4: a word is none of "machine", "default", "login", "password", "account" and "macdef": put a value that holds spaces in double quotes`,
	} {
		_, err := parseNetrc(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q\ngot  %v\nwant %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error("the error shows a password")
		}
	}
}

// TestCredentials pins which upstream gets which user.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "netrc")
	const netrc = byteOrderMark + `
machine One.Example password nobody
machine one.example login alice password "a b"
machine one.example login bob password bobs
machine two.example login carol
machine 2001:db8::1 login dora password d
default login everybody password leaks`
	if err := os.WriteFile(path, []byte(netrc), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"http://one.example/":              "alice:a%20b@",
		"ftp://ONE.example:2121/":          "alice:a%20b@",
		"rsync://bob@one.example/m/":       "bob:bobs@",
		"https://eve@one.example/":         "eve@", // not in the file
		"https://bob:other@one.example/":   "bob:other@",
		"https://bob:@one.example/":        "bob:@",
		"ftps://two.example/":              "carol@",
		"https://[2001:DB8::1]/":           "dora:d@",
		"http://three.example/":            "", // not even by default
		"http://sub.one.example/":          "",
		"ftp://anonymous@three.example/":   "anonymous@",
		"file:///srv/copy/":                "",
		"rsync://three.example/m/":         "",
		"http://one.example.three.example": "",
	} {
		c, err := Parse([]byte(head+"\nnetrc = 'netrc'\n[[mirror]]\n"+upstream(text)), filepath.Join(dir, "mirror.toml"))
		if err != nil {
			t.Fatal(err)
		}
		u := c.Mirrors[0].Upstream[0]
		got := ""
		if u.User != nil {
			got = u.User.String() + "@"
		}
		if got != want {
			t.Errorf("%s is asked as %q, want %q", text, got, want)
		}
		secrets := []string{path}
		if strings.Contains(text, "bob:") {
			secrets = append(secrets, c.File)
		}
		if !slices.Equal(c.Secrets, secrets) {
			t.Errorf("%s: passwords are in %q, want %q", text, c.Secrets, secrets)
		}
	}
}

// TestNetrcErrors meets what keeps the file from being used. WHERE stands for
// its path.
func TestNetrcErrors(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{
		"bad": "machine a\nlogin b password secret secret", "large": strings.Repeat("#", maxFileSize+1),
		"doc/netrc": "", "doc/.netrc": "", "doc/.x/netrc": "", "docs": "",
	} {
		if err := os.MkdirAll(filepath.Dir(path(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", path("loop")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"bad":          `WHERE:2: a word is none of "machine", "default", "login", "password", "account" and "macdef": put a value that holds spaces in double quotes`,
		"absent":       `"WHERE" does not exist: write it, or name another`,
		"doc":          `"WHERE" is no regular file: name one with credentials`,
		"fifo":         `"WHERE" is no regular file: name one with credentials`,
		"loop":         `"WHERE" cannot be read: too many levels of symbolic links`,
		"large":        `"WHERE" is larger than 1048576 bytes, so it has other things than credentials: name another`,
		"doc/netrc":    `"WHERE" lies in the docroot, where it would be served: name a file elsewhere, or one whose name starts with a dot`,
		"doc/.netrc":   "",
		"doc/.x/netrc": "",
		"docs":         "",
	} {
		file := path("mirror.toml")
		_, err := Parse([]byte("docroot = 'doc'\nnetrc = '"+name+"'\n[[mirror]]\n"+good), file)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if want != "" {
			want = file + ":2: netrc " + strings.ReplaceAll(want, "WHERE", path(name))
		}
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", name, got, want)
		}
	}
}

// TestNetrcDenied is made by hand, since root may read everything.
func TestNetrcDenied(t *testing.T) {
	err := explainNetrc(&fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission})
	if !strings.HasPrefix(err.Error(), "may not be read by uid ") {
		t.Error(err)
	}
}

// FuzzNetrc looks for text that makes the parser panic or loop, for an error
// that does not begin with a line of the text or shows a piece of it, and for
// machines that are not read again as they were written.
func FuzzNetrc(f *testing.F) {
	f.Add("machine one.example login alice password \"a \\\"b\"\n# x\ndefault login y")
	f.Add("macdef init\ncd /\n\nmachine a account b password c")
	f.Add("machine a login b password my xsecretx")
	f.Add("machine\r\n\"a\\")
	f.Fuzz(func(t *testing.T, text string) {
		machines, err := parseNetrc(text)
		if err != nil {
			line, sentence, _ := strings.Cut(err.Error(), ": ")
			if strings.Trim(line, "0123456789") != "" || line == "0" {
				t.Errorf("the error does not begin with a line: %v", err)
			}
			if strings.Contains(text, "xsecretx") && strings.Contains(sentence, "xsecretx") {
				t.Errorf("the error shows what the file holds: %v", err)
			}
			return
		}
		var written strings.Builder
		for _, m := range machines {
			for _, word := range []string{"machine", m.host, "login", m.user, "password", m.password} {
				written.WriteString(` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`)
			}
		}
		if again, err := parseNetrc(written.String()); err != nil || !slices.Equal(again, machines) {
			t.Errorf("%q is read again as %q (%v)", machines, again, err)
		}
	})
}
