package render

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror/listing"
)

var screenshots = flag.String("screenshots", "", "a directory in which to keep what the browser shows")

// serve serves pages, by their paths, under the policy.
func serve(t *testing.T, pages map[string]*Page) (address string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := pages[r.URL.Path]
		if p == nil {
			t.Errorf("the browser asks for %s", r.URL)
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", Policy())
		if err := HTML(w, p); err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// typical has a row of every kind that there is.
func typical() *Page {
	day := noon / 86400 * 86400
	row := func(name string, kind listing.Type, size, mtime listing.Span, s State, done int64) Row {
		return Row{Entry: listing.Entry{Name: name, Type: kind, Size: size, MTime: mtime}, State: s, Done: done}
	}
	var none listing.Span
	link := row("current", listing.Symlink, none, listing.Exactly(noon), Here, 0)
	link.Target = "linux-6.12/linux-6.12.1.tar.xz"
	return &Page{Base: "/debian/", Path: "pool/main/l/linux", Upstream: "one.example", Stale: time.Unix(noon, 0), Rows: []Row{
		row("by-hash", listing.Dir, none, listing.Exactly(noon), Upstream, 0),
		row("old versions", listing.Dir, none, none, Upstream, 0),
		link,
		row("linux-10.deb", listing.File, listing.Exactly(104_870_000), listing.Exactly(noon-3000), Here, 0),
		row("linux-9.deb", listing.File, listing.Exactly(10_485_760), listing.Exactly(noon-2000), Arriving, 4_000_000),
		row("linux.dsc", listing.File, listing.Between(7_759_463, 7_969_177), listing.Between(day, day+86399), Upstream, 0),
		row("linux.orig.tar.xz", listing.Unknown, listing.Exactly(151_000_000), listing.Between(noon-180_000, noon), Upstream, 0),
		row("linux.iso", listing.File, none, listing.Between(noon/60*60, noon/60*60+59), Arriving, 123_456_789),
		row("bell\a-\xe9.txt", listing.File, listing.Exactly(0), none, Here, 0),
		row(strings.Repeat("long", 50), listing.Unknown, none, listing.Exactly(noon-86400*400), Upstream, 0),
	}}
}

// shown is the names of the rows that can be seen, top to bottom.
const shown = `Array.from(document.querySelectorAll("#rows tr"))
	.filter(tr => tr.checkVisibility()).map(tr => tr.cells[0].firstChild.textContent)`

// TestPageInBrowser looks at the page as a browser does.
func TestPageInBrowser(t *testing.T) {
	pages := map[string]*Page{
		"/debian/pool/main/l/linux/": typical(),
		"/m/dir/":                    allNames(),
		"/m/pool/":                   many(20_000),
		"/":                          {Base: "/"},
	}
	address := serve(t, pages)
	b := newBrowser(t)
	calm := func(t *testing.T) {
		t.Helper()
		for _, c := range b.complaints {
			t.Errorf("the console has %s", c)
		}
		b.complaints = nil
	}
	subtest := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			outer := b.t
			b.t = t
			defer func() { b.t = outer }()
			b.width(1200)
			b.scheme("light")
			test(t)
			calm(t)
		})
	}

	subtest("looks", func(t *testing.T) {
		grounds := map[string]string{}
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			b.open(address + "/debian/pool/main/l/linux/")
			b.screenshot(scheme)
			grounds[scheme] = eval[string](b, `getComputedStyle(document.body).backgroundColor`)
			for _, faint := range eval[[]string](b, faint) {
				t.Errorf("%s: %s", scheme, faint)
			}
		}
		if grounds["light"] == grounds["dark"] {
			t.Errorf("light and dark are both %s", grounds["dark"])
		}
	})

	subtest("narrow", func(t *testing.T) {
		for path := range pages {
			for _, width := range []int{320, 360, 700, 900} {
				b.width(width)
				b.open(address + path)
				if wide := eval[int](b, `document.documentElement.scrollWidth`); wide > width {
					t.Errorf("%s is %d wide in a window of %d", path, wide, width)
				}
				if width == 360 {
					b.screenshot("phone" + strings.ReplaceAll(path, "/", "-"))
				}
			}
		}
	})

	subtest("links", func(t *testing.T) {
		p := pages["/m/dir/"]
		b.open(address + "/m/dir/")
		links := eval[[]string](b, `Array.from(document.querySelectorAll("#rows a"), a => a.href)`)
		if len(links) != len(p.Rows) {
			t.Fatalf("%d links for %d rows", len(links), len(p.Rows))
		}
		for i, r := range p.Rows {
			want := "/m/dir/" + r.Name
			if r.Type == listing.Dir {
				want += "/"
			}
			u, err := url.Parse(links[i])
			if err != nil || "http://"+u.Host != address || u.Path != want || u.RawQuery != "" || u.Fragment != "" {
				t.Errorf("%q leads to %s (%v)", r.Name, links[i], err)
			}
		}
		above := eval[[]string](b, `Array.from(document.querySelectorAll("nav a, .up a"), a => a.pathname)`)
		if want := []string{"/m/", "/m/dir/", "/m/"}; !slices.Equal(above, want) {
			t.Errorf("the way up is %q, want %q", above, want)
		}
		if eval[bool](b, `Array.from(document.querySelectorAll("#rows th"), th => th.innerText).some(s => /[\n\u202e\ufeff]/.test(s))`) {
			t.Error("a name breaks its line, or turns its direction")
		}
	})

	subtest("sort", func(t *testing.T) {
		b.open(address + "/debian/pool/main/l/linux/")
		long := strings.Repeat("long", 50)
		up := []string{
			"by-hash/ old versions/ bell\\u{7}-\\xE9.txt current linux-9.deb linux-10.deb linux.dsc linux.iso linux.orig.tar.xz " + long,
			"by-hash/ old versions/ bell\\u{7}-\\xE9.txt linux.dsc linux-9.deb linux-10.deb linux.orig.tar.xz current linux.iso " + long,
			"by-hash/ old versions/ " + long + " linux.orig.tar.xz linux.dsc linux-10.deb linux-9.deb linux.iso current bell\\u{7}-\\xE9.txt",
			"by-hash/ old versions/ linux-10.deb current bell\\u{7}-\\xE9.txt linux-9.deb linux.iso " + long + " linux.orig.tar.xz linux.dsc",
		}
		for column, want := range up {
			eval[any](b, `document.querySelectorAll("thead button")[`+string(rune('0'+column))+`].click()`)
			if got := strings.Join(eval[[]string](b, shown), " "); got != want {
				t.Errorf("column %d sorts\n%s, want\n%s", column, got, want)
			}
			sorts := eval[[]string](b, `Array.from(document.querySelectorAll("thead th"), th => th.ariaSort ?? "")`)
			for i, s := range sorts {
				if (s == "ascending") != (i == column) {
					t.Errorf("after a click on column %d, column %d says %q", column, i, s)
				}
			}
		}
		eval[any](b, `document.querySelectorAll("thead button")[1].click(); document.querySelectorAll("thead button")[1].click()`)
		want := "by-hash/ old versions/ linux.orig.tar.xz linux-10.deb linux-9.deb linux.dsc bell\\u{7}-\\xE9.txt"
		if got := strings.Join(eval[[]string](b, shown), " "); !strings.HasPrefix(got, want) {
			t.Errorf("the largest first: %s", got)
		}
		if s := eval[string](b, `document.querySelector("[aria-sort]").ariaSort`); s != "descending" {
			t.Errorf("and that is called %q", s)
		}
	})

	subtest("filter", func(t *testing.T) {
		b.open(address + "/debian/pool/main/l/linux/")
		eval[any](b, `document.querySelector("search input").focus()`)
		b.call("Input.insertText", map[string]any{"text": "LINUX-"}, nil)
		// The link's target has it too.
		if got := eval[[]string](b, shown); !slices.Equal(got, []string{"current", "linux-10.deb", "linux-9.deb"}) {
			t.Errorf("the filter leaves %q", got)
		}
		if got := eval[string](b, `document.querySelector("output").textContent`); got != "3 of 10" {
			t.Errorf("and says %q", got)
		}
		b.screenshot("filter")
		b.press("Escape", 27)
		if got := eval[[]string](b, shown); len(got) != 10 {
			t.Errorf("Escape leaves %d rows", len(got))
		}
	})

	subtest("keyboard", func(t *testing.T) {
		b.open(address + "/debian/pool/main/l/linux/")
		var stops []string
		for range 10 {
			b.press("Tab", 9)
			stops = append(stops, eval[string](b, `document.activeElement.textContent || document.activeElement.type`))
			if !eval[bool](b, `(e => e.matches("input") || getComputedStyle(e).outlineStyle !== "none")(document.activeElement)`) {
				t.Errorf("one does not see that %q has the focus", stops[len(stops)-1])
			}
		}
		want := []string{"Skip to the list", "/debian/", "pool/", "main/", "l/", "linux/", "search", "Name", "Size", "Modified (UTC)"}
		if !slices.Equal(stops, want) {
			t.Errorf("Tab goes to %q, want %q", stops, want)
		}
	})

	subtest("screen reader", func(t *testing.T) {
		for _, width := range []int{1200, 360} {
			b.width(width)
			b.open(address + "/debian/pool/main/l/linux/")
			var tree struct {
				Nodes []struct {
					Ignored    bool
					Role, Name struct{ Value any }
				}
			}
			b.call("Accessibility.getFullAXTree", nil, &tree)
			counts, headers := map[any]int{}, []string{}
			for _, n := range tree.Nodes {
				if n.Ignored {
					continue
				}
				counts[n.Role.Value]++
				if n.Role.Value == "columnheader" {
					headers = append(headers, n.Name.Value.(string))
				}
			}
			// Beside the ten rows there are the header and the parent.
			for role, want := range map[string]int{"table": 1, "row": 12, "rowheader": 11, "columnheader": 4, "progressbar": 2,
				"navigation": 1, "main": 1, "search": 1, "searchbox": 1, "heading": 1, "status": 2} {
				if counts[role] != want {
					t.Errorf("%d wide: %d of role %s, want %d (%v)", width, counts[role], role, want, counts)
				}
			}
			if want := []string{"Name", "Size", "Modified (UTC)", "Where"}; !slices.Equal(headers, want) {
				t.Errorf("%d wide: the columns are %q", width, headers)
			}
		}
	})

	subtest("20,000 rows", func(t *testing.T) {
		start := time.Now()
		b.open(address + "/m/pool/")
		loaded := time.Since(start)
		const inMS = `new Promise(done => { const t = performance.now();
			ACT; requestAnimationFrame(() => setTimeout(() => done(performance.now() - t))) })`
		click := eval[float64](b, strings.Replace(inMS, "ACT", `document.querySelectorAll("thead button")[1].click()`, 1))
		byName := eval[float64](b, strings.Replace(inMS, "ACT", `document.querySelectorAll("thead button")[0].click()`, 1))
		if got := eval[[]string](b, shown); len(got) != 20_000 || got[1] != "package-50_1.10-1_amd64.deb/" || got[400] != "package-1_1.1-1_amd64.deb" {
			t.Errorf("%d rows are sorted: %q, ..., %q", len(got), got[:2], got[400])
		}
		filter := eval[float64](b, strings.Replace(inMS, "ACT", `const input = document.querySelector("search input");
			input.value = "77"; input.dispatchEvent(new Event("input"))`, 1))
		t.Logf("loaded in %v; until shown anew: sorted by size %.0f ms, by name %.0f ms, filtered %.0f ms", loaded, click, byName, filter)
	})

	subtest("no script", func(t *testing.T) {
		b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
		defer b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": false}, nil)
		b.open(address + "/debian/pool/main/l/linux/")
		if got := eval[[]string](b, shown); len(got) != 10 {
			t.Errorf("%d rows are shown", len(got))
		}
		if eval[bool](b, `document.querySelector("search").checkVisibility()`) || eval[int](b, `document.querySelectorAll("button").length`) > 0 {
			t.Error("there is something to click that does nothing")
		}
	})

	subtest("policy", func(t *testing.T) {
		b.open(address + "/")
		calm(t)
		eval[any](b, `{ const s = document.createElement("script"); s.textContent = "window.injected = true"; document.body.append(s); }`)
		if eval[bool](b, `window.injected === true`) || len(b.complaints) == 0 {
			t.Error("a script that is not ours runs")
		}
		b.complaints = nil
	})
}

// faint lists the texts whose contrast is below 4.5 (WCAG 2, 1.4.3).
const faint = `(() => {
	const parse = s => s.match(/[\d.]+/g).map(Number);
	const light = s => parse(s).slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const ground = e => { const c = getComputedStyle(e).backgroundColor; return parse(c)[3] === 0 ? ground(e.parentElement) : c; };
	return Array.from(document.body.querySelectorAll("*"))
		.filter(e => Array.from(e.childNodes).some(n => n.nodeType === 3 && n.data.trim()))
		.map(e => [e, [light(getComputedStyle(e).color), light(ground(e))].sort((a, b) => b - a)])
		.map(([e, [high, low]]) => [e, (high + .05) / (low + .05)])
		.filter(([e, contrast]) => contrast < 4.5)
		.map(([e, contrast]) => e.outerHTML + " has a contrast of " + contrast.toFixed(2));
})()`
