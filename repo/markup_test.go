package repo

import (
	"encoding/xml"
	"io"
	"os"
	"strings"
	"testing"
)

// FuzzMarkup holds markup to encoding/xml: where that reads a text, both read the
// same elements, attributes and words.
func FuzzMarkup(f *testing.F) {
	for _, name := range []string{"rpm-plain/repodata/repomd.xml", "rpm/repodata/repomd.xml"} {
		text, err := os.ReadFile("testdata/repos/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, c := range texts {
		if strings.Contains(c.name, "repodata/") && len(c.text) < 8<<10 {
			f.Add(c.text)
		}
	}
	f.Add(`<a href="1>2" b='"'><!-- <c> --><?pi > ?><d/> x &lt; <![CDATA[ <e> & ]]]]> y&#x41; </a>`)
	f.Fuzz(func(t *testing.T, text string) {
		want, err := standard(text)
		if err != nil || strings.Contains(text, "\r") { // which becomes the end of a line; no name has one
			return // what is no XML may be anything
		}
		got, err := ours(text)
		if err != nil && strings.Contains(err.Error(), "declaration") {
			return
		}
		if err != nil || got != want {
			t.Errorf("%q: %v\n%s\nto be\n%s", text, err, got, want)
		}
	})
}

// standard is a text as encoding/xml sees it, a line for each tag.
func standard(text string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var b, words strings.Builder
	depth := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch e := token.(type) {
		case xml.StartElement:
			depth++
			words.Reset()
			b.WriteString("<" + e.Name.Local + " " + standardAttr(e) + "\n")
		case xml.EndElement:
			depth--
			b.WriteString(">" + e.Name.Local + " " + strings.TrimSpace(words.String()) + "\n")
			words.Reset()
		case xml.CharData:
			if depth > 0 {
				words.Write(e)
			}
		}
	}
}

func standardAttr(e xml.StartElement) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == "href" {
			return a.Value
		}
	}
	return ""
}

// ours is the same as markup sees it.
func ours(text string) (string, error) {
	m := markupOf(strings.NewReader(text))
	var b strings.Builder
	for {
		if err := m.next(); err == io.EOF {
			return b.String(), nil
		} else if err != nil {
			return "", err
		}
		name := local(m.name)
		if !m.open {
			words := m.content()
			b.WriteString(">" + name + " " + string(words) + "\n")
			m.wantedAgain()
			continue
		}
		href, _ := m.attr("href")
		b.WriteString("<" + name + " " + string(href) + "\n")
		if m.empty {
			b.WriteString(">" + name + " \n")
		}
		m.wantedAgain()
	}
}

// wantedAgain begins to keep text, whatever the tag was.
func (m *markup) wantedAgain() { m.keep, m.text = true, m.text[:0] }
