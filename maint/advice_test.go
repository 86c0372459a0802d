package maint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/config"
)

func TestAdvice(t *testing.T) {
	s := newSite(t, "")
	s.put("m/a", "x")
	file := filepath.Join(filepath.Dir(s.Conf.Docroot), "mirror.toml")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if list := s.Advice(); len(list) > 0 {
		t.Fatalf("all is well, and yet: %q", list)
	}
	mode := func(path string, mode os.FileMode) func() {
		return func() {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	parse := func(extra string) func() {
		return func() {
			conf, err := config.Parse([]byte("docroot = \"doc\"\n"+extra), file)
			if err != nil {
				t.Fatal(err)
			}
			s.Conf = conf
		}
	}
	const mirrors = "[[mirror]]\nprefix = \"/m/\"\nupstream = [\"http://one.example/\"]\n"
	for _, c := range []struct {
		name  string
		do    func()
		undo  func()
		words []string // of one advice; none: there is none
	}{
		{"docroot closed", mode(s.Conf.Docroot, 0o750), mode(s.Conf.Docroot, 0o755),
			[]string{"closed to others", "chmod o+x", "or in the group"}},
		{"above the docroot closed", mode(filepath.Dir(s.Conf.Docroot), 0o700), mode(filepath.Dir(s.Conf.Docroot), 0o755),
			[]string{"closed to others", "0700"}},
		{"state open", mode(s.Conf.State, 0o755), mode(s.Conf.State, 0o700), []string{"open to others", "chmod o-rwx"}},
		{"shared without setgid", mode(s.Conf.State, 0o770), mode(s.Conf.State, 0o700), []string{"chmod g+s"}},
		{"shared, docroot not", mode(s.Conf.State, os.ModeSetgid|0o770), mode(s.Conf.State, 0o700), []string{"cannot publish", "g+rwxs"}},
		{"no directory for the socket", parse("[server]\nfastcgi = \"unix:/nonexistent/sock\"\n" + mirrors), parse(mirrors),
			[]string{"/nonexistent does not exist", "RuntimeDirectory"}},
		{"a directory for the socket", parse("[server]\nfastcgi = \"unix:/tmp/sock\"\n" + mirrors), parse(mirrors), nil},
		{"password", parse("[[mirror]]\nprefix = \"/m/\"\nupstream = [\"http://u:secret@one.example/\"]\n"), parse(mirrors),
			[]string{"one.example:80", "unencrypted"}},
		{"readable password", parse("[[mirror]]\nprefix = \"/m/\"\nupstream = [\"https://u:secret@one.example/\"]\n"), parse(mirrors),
			[]string{"holds a password", "chmod o-r"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.do()
			defer c.undo()
			list := s.Advice()
			all := strings.Join(list, "\n")
			if len(c.words) == 0 && len(list) > 0 {
				t.Errorf("it says %q", all)
			}
			for _, w := range c.words {
				if !strings.Contains(all, w) {
					t.Errorf("%q does not say %q", all, w)
				}
			}
			if strings.Contains(all, "secret") {
				t.Errorf("a password is told: %q", all)
			}
		})
	}
}
