package plot

import (
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew; look at them in a browser")

// golden compares with a drawing that somebody has looked at.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is drawn otherwise: run with -update, look at it, and see what has changed", name)
	}
}

func bars() Bars {
	return Bars{
		Title: "5000 misses of 4 KiB from 16 clients", Unit: "a second",
		Rows: []Row{
			{Name: "ours behind nginx (FastCGI)", Median: 4273, Min: 3934, Max: 4733, Own: true},
			{Name: "ours built-in", Median: 4805, Min: 4701, Max: 5188, Own: true},
			{Name: "nginx proxy_store", Median: 9994, Min: 9067, Max: 10448},
			{Name: "direct", Median: 22822, Min: 22169, Max: 24591},
			{Name: "not measured", Median: math.NaN()},
		},
	}
}

func lines() Lines {
	return Lines{
		Title: "Running fetches: processor time of each",
		X:     Axis{Title: "fetches at a time", Log: true}, Y: Axis{Title: "ms a fetch", Log: true},
		Lines: []Line{
			{Name: "user and system", Points: []Point{{1, 3.4}, {10, 2.1}, {100, 1.9}, {1000, 2}}},
			{Name: "system", Points: []Point{{1, 3.2}, {10, 1.9}, {100, 1.8}, {1000, 1.9}}},
			{Name: "1.5x that of 10", Dashed: true, Points: []Point{{1, 3.15}, {1000, 3.15}}},
		},
	}
}

func TestGolden(t *testing.T) {
	golden(t, "bars.svg", bars().SVG())
	golden(t, "lines.svg", lines().SVG())
	wide := bars()
	wide.Rows[3].Median, wide.Rows[3].Max = 1e6, 1.1e6
	golden(t, "logarithmic.svg", wide.SVG())
}

// check parses a drawing, and looks whether everything is on the paper.
func check(t *testing.T, svg string) (texts []string) {
	t.Helper()
	var height float64
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatalf("it is no XML: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.CharData:
			if s := strings.TrimSpace(string(token)); s != "" {
				texts = append(texts, s)
			}
		case xml.StartElement:
			for _, a := range token.Attr {
				var most float64
				switch a.Name.Local {
				case "height":
					if height == 0 {
						height, _ = strconv.ParseFloat(a.Value, 64)
					}
					most = height
				case "y", "y1", "y2", "cy":
					most = height
				case "x", "x1", "x2", "cx", "width":
					most = width
				default:
					continue
				}
				v, err := strconv.ParseFloat(a.Value, 64)
				if err != nil || !(v >= 0 && v <= most) {
					t.Errorf("<%s %s=%q> is not on the paper", token.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func contains(texts []string, s string) bool {
	for _, text := range texts {
		if text == s {
			return true
		}
	}
	return false
}

func TestEscaping(t *testing.T) {
	const odd = "<b> & \"c\" ]]> \x01\xff"
	const shown = "<b> & \"c\" ]]>  \uFFFD"
	b := Bars{Title: odd, Unit: odd, Rows: []Row{{Name: odd, Median: 1, Min: 1, Max: 1}}}
	l := Lines{Title: odd, X: Axis{Title: odd}, Y: Axis{Title: odd}, Lines: []Line{{Name: odd, Points: []Point{{1, 1}, {2, 2}}}}}
	for name, svg := range map[string]string{"bars": b.SVG(), "lines": l.SVG()} {
		if texts := check(t, svg); !contains(texts, shown) {
			t.Errorf("%s: %q is not shown as it is: %q", name, shown, texts)
		}
	}
}

// What a run leaves out, or could not measure, must not take the others with it.
func TestDegenerateBars(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, rows := range map[string][]Row{
		"none":       nil,
		"one":        {{Name: "a", Median: 3, Min: 3, Max: 3}},
		"zero":       {{Name: "a"}, {Name: "b"}},
		"all equal":  {{Name: "a", Median: 2, Min: 2, Max: 2}, {Name: "b", Median: 2, Min: 2, Max: 2}},
		"NaN":        {{Name: "a", Median: nan, Min: nan, Max: nan}},
		"no spread":  {{Name: "a", Median: 2, Min: nan, Max: inf}},
		"zero, huge": {{Name: "a", Median: 0, Min: 0, Max: 0}, {Name: "b", Median: 1e12, Min: 1e12, Max: 2e12}},
		"negative":   {{Name: "a", Median: -4, Min: -5, Max: 3}, {Name: "b", Median: 1, Min: 1, Max: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			texts := check(t, Bars{Title: "t", Rows: rows}.SVG())
			for _, r := range rows {
				if shown := contains(texts, r.Name); shown == math.IsNaN(r.Median) {
					t.Errorf("row %q: shown is %v", r.Name, shown)
				}
			}
			if drawn := len(rows) > 0 && name != "NaN"; drawn == contains(texts, "There are no figures.") {
				t.Error("it says the wrong thing of whether there are figures")
			}
		})
	}
}

func TestDegenerateLines(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		points []Point
		dots   int // on logarithmic axes
		linear int
	}{
		"none":          {nil, 0, 0},
		"one":           {[]Point{{5, 7}}, 1, 1},
		"zero":          {[]Point{{0, 0}}, 0, 1},
		"zero in front": {[]Point{{1, 0}, {10, 5}}, 1, 2},
		"NaN between":   {[]Point{{1, 1}, {2, nan}, {3, 3}}, 2, 2},
		"all equal":     {[]Point{{1, 4}, {10, 4}, {100, 4}}, 3, 3},
		"same place":    {[]Point{{4, 4}, {4, 4}}, 2, 2},
		"tiny":          {[]Point{{1e-9, 1e-9}, {1e9, 1e9}}, 2, 2},
	} {
		for log, want := range map[bool]int{true: c.dots, false: c.linear} {
			l := Lines{Title: "t", X: Axis{Log: log}, Y: Axis{Log: log}, Lines: []Line{{Name: "a", Points: c.points}}}
			svg := l.SVG()
			texts := check(t, svg)
			if got := strings.Count(svg, "<circle"); got != want {
				t.Errorf("%s, logarithmic %v: %d points are drawn, not %d", name, log, got, want)
			}
			if contains(texts, "There are no figures.") != (want == 0) {
				t.Errorf("%s, logarithmic %v: it says the wrong thing of whether there are figures", name, log)
			}
		}
	}
}

// Lines that end in one place have names that can be read all the same.
func TestNamesDoNotTouch(t *testing.T) {
	l := Lines{Title: "t"}
	for _, name := range []string{"first", "second", "third", "fourth"} {
		l.Lines = append(l.Lines, Line{Name: name, Points: []Point{{0, 0}, {1, 0}}})
	}
	svg := l.SVG()
	check(t, svg)
	place := regexp.MustCompile(`y="([0-9.]+)" class="p\d">`)
	var last float64
	for i, m := range place.FindAllStringSubmatch(svg, -1) {
		y, _ := strconv.ParseFloat(m[1], 64)
		if i > 0 && y-last < font {
			t.Errorf("names at %v and %v lie on each other", last, y)
		}
		last = y
	}
	if last == 0 {
		t.Fatal("no names were found")
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.05: "0.05", 1.2345: "1.23", 45.67: "45.7", 999.4: "999", 1234567: "1,234,567", -1000: "-1,000", math.Inf(1): "-"} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) is %q, not %q", v, got, want)
		}
	}
}
