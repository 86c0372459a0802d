package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// problem is one thing that is wrong with a document that could be decoded.
// The text is a sentence without its subject, which is the key, and holds no
// credentials.
type problem struct {
	key  key
	text string
}

// inFile returns the problems as one error, a line each, in the order of the
// lines of the file.
func inFile(problems []problem, path string, data []byte) error {
	type located struct {
		line int
		problem
	}
	all := make([]located, len(problems))
	for i, p := range problems {
		all[i] = located{lineOf(data, p.key), p}
	}
	slices.SortStableFunc(all, func(a, b located) int { return a.line - b.line })
	errs := make([]error, len(all))
	for i, p := range all {
		where := path
		if p.line > 0 {
			where += ":" + strconv.Itoa(p.line)
		}
		errs[i] = fmt.Errorf("%s: %s %s", where, p.key, p.text)
	}
	return errors.Join(errs...)
}

// lineOf returns the line, counted from 1, of the key in a TOML text, or of the
// table that it is missing from, or 0 when that is not there either. It reads
// the text again, which is dear, and therefore done only for an error.
func lineOf(data []byte, k key) int {
	f := finder{want: k.steps()}
	f.parser.Reset(data)
	var table []string
	arrays := 0 // [[mirror]] tables so far; no others are known
	for f.parser.NextExpression() {
		switch e := f.parser.Expression(); e.Kind {
		case unstable.Table:
			table = f.enter(nil, e)
		case unstable.ArrayTable:
			table = f.enter(nil, e)
			table = append(table, strconv.Itoa(arrays))
			arrays++
			f.see(table, e)
		case unstable.KeyValue:
			f.visit(table, e)
		}
	}
	return f.line
}

// steps returns the way down to a key in a document.
func (k key) steps() []string {
	var steps []string
	if k.table != "" {
		steps = append(steps, k.table)
	}
	if k.table == mirrorKey {
		steps = append(steps, strconv.Itoa(k.index))
	}
	if k.name != "" {
		steps = append(steps, k.name, strconv.Itoa(k.item))
	}
	return steps
}

// finder walks through a TOML text and keeps the line of what comes nearest to
// the wanted key.
type finder struct {
	parser unstable.Parser
	want   []string
	depth  int // steps of want that the best place has
	line   int // of the best place, from 1; 0 before one was found
}

// visit looks at a key and at what its value holds.
func (f *finder) visit(at []string, pair *unstable.Node) {
	at = f.enter(at, pair)
	f.descend(at, pair.Value())
}

func (f *finder) descend(at []string, value *unstable.Node) {
	switch value.Kind {
	case unstable.InlineTable:
		for it := value.Children(); it.Next(); {
			f.visit(at, it.Node())
		}
	case unstable.Array:
		i := 0
		for it := value.Children(); it.Next(); i++ {
			element := append(slices.Clone(at), strconv.Itoa(i))
			f.seeAt(element, it.Node().Raw)
			f.descend(element, it.Node())
		}
	}
}

// enter returns the place of a node's key below at, after it looked at it.
func (f *finder) enter(at []string, node *unstable.Node) []string {
	at = slices.Clone(at)
	for it := node.Key(); it.Next(); {
		at = append(at, string(it.Node().Data))
	}
	f.see(at, node)
	return at
}

// see compares the place of a node, whose line is that of its key.
func (f *finder) see(at []string, node *unstable.Node) {
	if it := node.Key(); it.Next() {
		f.seeAt(at, it.Node().Raw)
	}
}

func (f *finder) seeAt(at []string, raw unstable.Range) {
	if len(at) <= f.depth || len(at) > len(f.want) || raw.Length == 0 {
		return
	}
	if !slices.EqualFunc(at, f.want[:len(at)], strings.EqualFold) {
		return
	}
	f.depth = len(at)
	f.line = f.parser.Shape(raw).Start.Line
}
