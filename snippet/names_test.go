package snippet

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mirror/config"
)

// latin1 has a character for each byte of a text, so that Go's expressions see
// bytes, as those of most servers do.
func latin1(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}

// matches reports what the expressions for conf say of a path. Go knows no
// lookahead, so what it would exclude is looked for here.
func matches(t testing.TB, w writer, conf *config.Config, base, path string) bool {
	if !w.runes {
		path = latin1(path)
	}
	for _, n := range w.mutable(conf) {
		for _, e := range w.excepts(base, n) {
			if !w.runes {
				e.Expr, e.Except = latin1(e.Expr), latin1(e.Except)
			}
			if match(t, e.Expr, path) && (e.Except == "" || !match(t, e.Except, path)) {
				return true
			}
		}
	}
	return false
}

var compiled = map[string]*regexp.Regexp{}

func match(t testing.TB, expr, path string) bool {
	re := compiled[expr]
	if re == nil {
		var err error
		if re, err = regexp.Compile(expr); err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		compiled[expr] = re
	}
	return re.MatchString(path)
}

// isMutable is the measure.
func isMutable(conf *config.Config, name string) bool {
	m, rest, ok := conf.Match(name)
	return ok && m.IsMutable(rest)
}

// isName: what no request can name need not be told apart.
func isName(name string) bool {
	return name != "" && !strings.HasPrefix(name, "/") && !strings.HasSuffix(name, "/") && !strings.Contains(name, "//")
}

func configOf(mirrors ...config.Mirror) *config.Config {
	slices.SortStableFunc(mirrors, func(a, b config.Mirror) int { return len(b.Prefix) - len(a.Prefix) })
	return &config.Config{Base: "/", Mirrors: mirrors}
}

// compare fails if the expressions say something else of a name than conf.
func compare(t testing.TB, conf *config.Config, name string) {
	t.Helper()
	if !isName(name) {
		return
	}
	want := isMutable(conf, name)
	for _, base := range []string{"/", "/~a b.c/d+/"} {
		if got := matches(t, writer{}, conf, base, base+name); got != want {
			t.Fatalf("%q below %q: %v, IsMutable says %v\n%+v\n%+v", name, base, got, want, writer{}.mutable(conf), conf.Mirrors)
		}
		if base != "/" && matches(t, writer{}, conf, base, "/"+name) {
			t.Fatalf("%q matches without its base", name)
		}
		// With "?" as a character, what is not ASCII may match, but never less.
		got := matches(t, writer{runes: true}, conf, base, base+name)
		if got != want && (want || isASCII(name)) {
			t.Fatalf("as characters, %q below %q: %v, IsMutable says %v", name, base, got, want)
		}
	}
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool { return c >= utf8.RuneSelf }) < 0
}

// FuzzNames: whatever the pattern, each name is what the configuration says.
func FuzzNames(f *testing.F) {
	for _, seed := range [][2]string{
		{"InRelease", "dists/sid/InRelease"}, {"*.db", "core/os/core.db"}, {"dists/*/Release", "dists/sid/main/Release"},
		{"*/by-hash/*", "by-hash/x"}, {"*/*", "a/b"}, {"*/?", "ü"}, {"a?b", "aüb"}, {"*", "a\nb"}, {"dists/*", "dists/a\n/b"},
		{"*?*/*?x**", "a/bx"}, {"+.()|^$#'%{}\" ", "+.()|^$#'%{}\" "}, {"x/*?", "x/\xff"}, {"??", "ü"}, {"*ü?", "aüb"}, {"Release", "Release\n"},
	} {
		f.Add(seed[0], "old*", "b/", "ls-lR.gz", seed[1])
		f.Add("*", seed[0], "b/", "ls-lR.gz", seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, immutable, prefix, index, name string) {
		for _, p := range []string{pattern, immutable} {
			if p == "" || strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || !utf8.ValidString(p) || len(p) > 40 {
				return
			}
		}
		if !utf8.ValidString(prefix) || !utf8.ValidString(index) {
			return
		}
		if prefix != "" && (!isName(strings.TrimSuffix(prefix, "/")) || !strings.HasSuffix(prefix, "/")) || index != "" && !isName(index) {
			return
		}
		clear(compiled)
		conf := configOf(config.Mirror{Prefix: prefix, Index: index, Profile: "pypi", Mutable: []string{pattern, "InRelease"}, Immutable: []string{immutable}}, config.Mirror{Prefix: prefix + "in/"})
		for _, n := range []string{name, prefix + name, prefix + "in/" + name, prefix + index, name + prefix} {
			compare(t, conf, n)
		}
	})
}

// some are texts of a small alphabet, in which random patterns meet random names.
func some(r *rand.Rand, alphabet []string, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func randomConfig(r *rand.Rand) *config.Config {
	patterns := func() []string {
		var all []string
		for range r.IntN(4) {
			p := strings.Trim(some(r, []string{"a", "b", ".", "*", "*", "?", "/", "*/", "ü", "+"}, 6), "/")
			if p != "" && !strings.Contains(p, "//") {
				all = append(all, p)
			}
		}
		return all
	}
	shared := patterns()
	var mirrors []config.Mirror
	for _, prefix := range []string{"", "a/", "a/b/", "a/b/a/", "b/", "a/bb/"} {
		if r.IntN(2) == 0 {
			continue
		}
		m := config.Mirror{Prefix: prefix, Mutable: shared}
		if r.IntN(2) == 0 {
			m.Mutable = patterns()
		}
		if r.IntN(2) == 0 {
			m.Profile = "auto"
		}
		if r.IntN(3) == 0 {
			m.Immutable = patterns()
		}
		if r.IntN(4) == 0 {
			m.Index = []string{"a", "b/a", "ü.gz"}[r.IntN(3)]
		}
		mirrors = append(mirrors, m)
	}
	return configOf(mirrors...)
}

var nameAlphabet = []string{"a", "a", "b", "b", ".", "/", "/", "ü", "+", "\n", "\xff", "simple/", "simple/a/", "/index.html", "/index.v1_json"}

// TestNames compares many small configurations, mirrors within mirrors among them.
func TestNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	yes := 0
	for range 400 {
		conf := randomConfig(r)
		clear(compiled)
		for range 30 {
			name := some(r, nameAlphabet, 7)
			compare(t, conf, name)
			if isName(name) && isMutable(conf, name) {
				yes++
			}
		}
	}
	if yes < 300 {
		t.Errorf("only %d names matched: the test shows little", yes)
	}
}

// TestPerl: the expressions as they are written, lookahead and all, in a language
// that knows them.
func TestPerl(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	beyond := configOf(config.Mirror{Mutable: []string{"aü*", "ab*", "üb", "*bü", "*ab", "*ü+*"}})
	all := questions(beyond, []string{"aü", "b/aüa", "ab", "aa", "üb", "büb", "abü", "a/b+ü", "bab", "baa", "ü", "aüb", "ab/ü", "xü+x"})
	for range 500 {
		conf := randomConfig(r)
		var names []string
		for range 20 {
			names = append(names, some(r, nameAlphabet, 7))
		}
		all = append(all, questions(conf, names)...)
	}
	askPerl(t, all)
}

// TestPerlDefaults does the same for the default patterns, with names that are
// within a few bytes of one: what keeps other names out soon keeps out none of these.
func TestPerlDefaults(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	conf := parse(t, strings.Replace(Default, `prefix = "/"`, `prefix = "/x.diff/"`, 1))
	var names []string
	yes := 0
	for _, pattern := range append([]string{"simple/index.html", "simple/a/index.v1_json", "Index"}, conf.Mirrors[0].Mutable...) {
		for range 100 {
			name := strings.ReplaceAll(pattern, "*", some(r, []string{"x", "+1", ".", "s", ".db", "R"}, 3))
			for range r.IntN(3) {
				at, c := r.IntN(len(name)+1), []string{"", "", "s", ".", "/", "R", "ü", "\n"}[r.IntN(8)]
				name = name[:at] + c + name[min(at+r.IntN(2), len(name)):]
			}
			name = "x.diff/" + []string{"", "a/", "dists/sid/", "x.db/"}[r.IntN(4)] + name
			names = append(names, name)
			if isName(name) && isMutable(conf, name) {
				yes++
			}
		}
	}
	if yes < 1000 || yes > len(names)-1000 {
		t.Errorf("%d of %d names are mutable: the test shows little", yes, len(names))
	}
	askPerl(t, questions(conf, names))
}

// question is whether an expression matches a path.
type question struct {
	expr, path string
	runes      bool // both are characters
	want       bool
}

// questions asks of each name what IsMutable says of it; as characters, what is not
// ASCII may match, but never less.
func questions(conf *config.Config, names []string) []question {
	var all []question
	for _, w := range []writer{{backtracks: true}, {backtracks: true, runes: true}} {
		exprs := []string{"(?!)"}
		for _, n := range w.mutable(conf) {
			exprs = append(exprs, w.pcre("/x.y/", n))
		}
		for _, name := range names {
			want := isName(name) && isMutable(conf, name)
			if !isName(name) || w.runes && (!utf8.ValidString(name) || !want && !isASCII(name)) {
				continue
			}
			all = append(all, question{strings.Join(exprs, "|"), "/x.y/" + name, w.runes, want})
		}
	}
	return all
}

func askPerl(t *testing.T, all []question) {
	perl, err := exec.LookPath("perl")
	if err != nil {
		t.Fatal("perl is missing: install the Debian package perl")
	}
	var in strings.Builder
	for _, q := range all {
		fmt.Fprintf(&in, "%x %x %d\n", q.expr, q.path, map[bool]int{true: 1}[q.runes])
	}
	cmd := exec.Command(perl, "-ne", `my ($re, $path, $runes) = split; $_ = pack "H*", $_ for $re, $path; if ($runes) { utf8::decode($_) for $re, $path } print $path =~ /$re/ ? "true\n" : "false\n"`)
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := strings.Fields(string(out))
	if len(got) != len(all) {
		t.Fatalf("%d answers to %d questions: %.300s", len(got), len(all), out)
	}
	for i, q := range all {
		if got[i] != fmt.Sprint(q.want) {
			t.Errorf("%q =~ %s: %s, not %v", q.path, q.expr, got[i], q.want)
		}
	}
}

// TestLongLists: no expression is longer than nginx takes, whatever is configured.
func TestLongLists(t *testing.T) {
	var patterns, immutable []string
	for i := range 500 {
		patterns = append(patterns, fmt.Sprintf("name-%d", i), fmt.Sprintf("*.%d", i), fmt.Sprintf("dists/*/%d", i))
		immutable = append(immutable, fmt.Sprintf("im-%d", i))
	}
	// Many different bytes at the beginning, at the end and within.
	var odd [][]string
	for _, form := range []string{"%s-x", "*x%s", "*%s*", "d/*%s", "*/%s"} {
		var list []string
		for i := range 300 {
			text := string([]byte{byte(' ' + i*7%94), byte(' ' + i*11%94), byte(' ' + i*13%94)})
			if !strings.ContainsAny(text, "*?/") {
				list = append(list, fmt.Sprintf(form, text))
			}
		}
		odd = append(odd, list)
	}
	var mirrors []config.Mirror
	for i := range 300 {
		mirrors = append(mirrors, config.Mirror{Prefix: fmt.Sprintf("mirror-%d/", i), Mutable: patterns})
	}
	conf := configOf(mirrors...)
	for i := range 300 {
		mirrors = append(mirrors, config.Mirror{Prefix: fmt.Sprintf("a.b+c-%d/", i), Mutable: patterns, Immutable: immutable})
	}
	confs := []*config.Config{configOf(mirrors...)}
	for i, list := range odd {
		for _, not := range [][]string{list, odd[(i+1)%len(odd)]} {
			var mirrors []config.Mirror
			for j := range 80 {
				mirrors = append(mirrors, config.Mirror{Prefix: fmt.Sprintf("a mirror's prefix, %d/", j), Mutable: list, Immutable: not, Profile: "auto"})
			}
			confs = append(confs, configOf(mirrors...))
		}
	}
	for _, w := range []writer{{}, {backtracks: true}, {backtracks: true, runes: true}} {
		for _, conf := range confs {
			for _, n := range w.mutable(conf) {
				if expr := w.pcre("/", n); len(expr) > 4000 {
					t.Fatalf("%d bytes: %.200s", len(expr), expr)
				}
			}
		}
	}
	for name, want := range map[string]bool{
		"mirror-0/name-0": true, "mirror-299/x/name-499": true, "mirror-7/dists/a/b/499": true, "mirror-7/dists/a/b/500": false, "mirror-300/name-1": false,
	} {
		if got := matches(t, writer{}, conf, "/", "/"+name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestDefaultNames: the files of deploy/ are right for any mirror with the default
// patterns, whatever its prefix.
func TestDefaultNames(t *testing.T) {
	deployed := parse(t, Default)
	conf := parse(t, strings.Replace(Default, `prefix = "/"`, `prefix = "/debian/"`, 1))
	samples := []string{
		"Releases", "Release.gpg.deb", "xInRelease", "release", "Packages-x.deb", "PackagesX", "Contents", "a.dbx", "db", "files",
		"SUMS", "SHA1SUMS", "xMD5SUMS", "x.ls-lR", "ls-lRx", "xrepomd.xml", "APKINDEX.tar.gz.sig", "a.deb", "a.files.d/x",
	}
	for _, pattern := range conf.Mirrors[0].Mutable {
		name := strings.ReplaceAll(pattern, "*", "x+1")
		samples = append(samples, name, "dists/sid/"+name, name+"/a.deb")
	}
	for _, name := range samples {
		compare(t, deployed, name)
		compare(t, conf, "debian/"+name)
		if got, want := matches(t, writer{}, deployed, "/", "/debian/"+name), isMutable(conf, "debian/"+name); got != want {
			t.Errorf("%s: the files of deploy/ say %v, a configuration %v", name, got, want)
		}
	}
}

// TestInner: what lies in the docroot and is the mirror's own is denied.
func TestInner(t *testing.T) {
	conf := parse(t, strings.Replace(Default, "\n", "\nstate = \"/srv/mirror/.well-known/state+x\"\nbase = \"/b/\"\n", 1))
	conf.File = "/srv/mirror/mirror.toml"
	for _, s := range Styles {
		p := s.page(conf, DefaultHost)
		base := "/b/"
		if s.Server == "caddy" {
			base = "/"
		}
		for name, want := range map[string]bool{
			".well-known/state+x/parts/1": true, ".well-known/state+x/lock": true, ".well-known/statex/a": false, ".well-known/acme": false,
			"mirror.toml": true, "mirror.toml.gz": false, "debian/mirror.toml": false,
		} {
			got := slices.ContainsFunc(p.Inner, func(expr string) bool { return match(t, expr, base+name) })
			if got != want {
				t.Errorf("%s %s: %s is denied: %v", s.Server, s.Name, name, got)
			}
		}
		text, err := s.Text(conf, DefaultHost)
		if err != nil || !strings.Contains(text, `\.well-known/state\+x/`) {
			t.Errorf("%s %s does not name the state directory: %v", s.Server, s.Name, err)
		}
	}
}
