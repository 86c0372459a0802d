package soak

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// class is what kind of trouble a client has.
type class int

const (
	// mismatch: what came is not what an index says.
	mismatch class = iota
	// signature: what came is not what was signed.
	signature
	// gone: 404, for a name that the client has from an index.
	gone
	// backwards: the client held a later generation before.
	backwards
	// broken is everything else.
	broken
	classes
)

func (c class) String() string {
	return [...]string{"mismatch", "signature", "gone", "backwards", "broken"}[c]
}

// kind is what lines of a class look like, in a program's words.
type kind struct {
	class class
	words *regexp.Regexp
}

// program is a client: a package manager with a state of its own.
type program interface {
	// update brings the indexes, take one package, which is thrown away. They return
	// what the program said.
	update() (string, error)
	take(name string) (string, error)
	// forget makes it a client that has never updated.
	forget()
	// held is the generation that the client goes by; 0: none.
	held() int
	// kinds are its words for trouble; the first that fits a line counts.
	kinds() []kind
}

// judged is the trouble that a program tells of, at most one of each line.
func judged(p program, said string, err error) (found []class) {
	for line := range strings.Lines(said) {
		for _, k := range p.kinds() {
			if k.words.MatchString(line) {
				found = append(found, k.class)
				break
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) > 1 {
		// What was to be done has failed because of the rest.
		found = slices.DeleteFunc(found, func(c class) bool { return c == broken })
	}
	if err != nil && len(found) == 0 {
		found = []class{broken}
	}
	return found
}

// tally is what became of one client.
type tally struct {
	rounds    int
	seen      map[int]bool // the generations that it has held
	count     [classes]int // rounds with such trouble, of the update or of the package
	incidents []incident
}

// shown is how much trouble of each class is kept in full.
const shown = 2

func (t *tally) add(found []class, describe func() incident) {
	for _, c := range found {
		if t.count[c]++; t.count[c] <= shown {
			i := describe()
			i.class = c
			t.incidents = append(t.incidents, i)
		}
	}
}

// wrong is how much of what the client got did not fit.
func (t *tally) wrong() int { return t.count[mismatch] + t.count[signature] }

func (t *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%5d rounds, %4d generations", t.rounds, len(t.seen))
	for c := range classes {
		fmt.Fprintf(&b, ", %s %d", c, t.count[c])
	}
	return b.String()
}

// incident is one piece of trouble in full.
type incident struct {
	class  class
	client string
	update int    // what the archive was being updated to
	doing  string // "update", "take"
	said   string
	mirror string // what the mirror logged meanwhile
}

func (i incident) String() string {
	s := fmt.Sprintf("%s, %s, while upstream came to generation %d: %s\n%s", i.client, i.doing, i.update, i.class, indent(tail(i.said, 2500)))
	if i.mirror != "" {
		s += "the mirror meanwhile:\n" + indent(tail(i.mirror, 5000))
	}
	return s
}

func indent(text string) string {
	return "\t" + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n\t") + "\n"
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }
