package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"mirror/bench/plot"
)

// plotDir is where the drawings are, beside the file of the results.
const plotDir = "plots"

// drawn are the links to drawings in a file of results.
var drawn = regexp.MustCompile(`\]\((` + plotDir + `/[a-z0-9-]+\.svg)\)`)

// draw writes a drawing of every series beside the results in file, and removes
// those that only the results of an earlier run there link.
func (r *report) draw(file string) error {
	at := filepath.Dir(file)
	errs := []error{os.MkdirAll(filepath.Join(at, plotDir), 0o755)}
	earlier, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, link := range drawn.FindAllSubmatch(earlier, -1) {
		if err := os.Remove(filepath.Join(at, string(link[1]))); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	for _, s := range r.series {
		errs = append(errs, os.WriteFile(filepath.Join(at, plotDir, s.file()), []byte(s.svg()), 0o644))
	}
	return errors.Join(errs...)
}

// file is what the series' drawing is called: by its title, so that the next
// run's has the same name.
func (s *series) file() string {
	words := strings.FieldsFunc(strings.ToLower(s.title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	return strings.Join(words, "-") + ".svg"
}

func (s *series) svg() string {
	if s.growth != nil {
		return s.growth.svg(s.title)
	}
	b := plot.Bars{Title: s.title, Unit: s.unit, Format: func(v float64) string { return fmt.Sprintf(s.format, v) }}
	for _, k := range s.kinds {
		all := s.all(k)
		if len(all) == 0 {
			continue
		}
		b.Rows = append(b.Rows, plot.Row{Name: string(k), Median: s.median(k), Min: all[0], Max: all[len(all)-1], Own: k.Ours()})
	}
	return b.SVG()
}
