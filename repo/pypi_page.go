package repo

import (
	"encoding/json"
	"io"
	"strings"

	"golang.org/x/net/html"
)

// IsSimple reports whether a file, by its name index.html or index.v1_json, is a
// page of the simple repository API, and not just some page of a directory that
// happens to be called simple. One of these is proof:
//
//	<meta name="pypi:repository-version" ...>     PEP 629; the list of all projects, too
//	<a href="...#sha256=HEX">                     PEP 503
//	<title>Links for hello</title>, Simple index  what indexes without digests have
//	{"meta": {"api-version": "1.0"}, ...}         PEP 691
func IsSimple(name string, r io.Reader) bool {
	if _, base := split(name); base == PageJSON {
		return isSimpleJSON(r)
	}
	z := html.NewTokenizer(bound(r, maxWhole))
	z.SetMaxBuf(maxLine)
	title := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return false
		case html.TextToken:
			if title && isSimpleTitle(string(z.Text())) {
				return true
			}
			title = false
		case html.StartTagToken, html.SelfClosingTagToken:
			tag, more := z.TagName()
			title = string(tag) == "title"
			isMeta, isLink := string(tag) == "meta", string(tag) == "a"
			for more && (isMeta || isLink) {
				var key, value []byte
				key, value, more = z.TagAttr()
				switch {
				case isMeta && string(key) == "name" && strings.EqualFold(string(value), "pypi:repository-version"):
					return true
				case isLink && string(key) == "href":
					if _, fragment, ok := strings.Cut(string(value), "#"); ok && assigned(fragment).Algorithm != NoAlgorithm {
						return true
					}
				}
			}
		}
	}
}

func isSimpleTitle(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return text == "simple index" || strings.HasPrefix(text, "links for ")
}

func isSimpleJSON(r io.Reader) bool {
	d := json.NewDecoder(bound(r, maxWhole))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	found := false
	for d.More() { // to its end: what is cut is no page
		key, err := d.Token()
		if err != nil {
			return false
		}
		if key != "meta" {
			if err := d.Decode(new(json.RawMessage)); err != nil {
				return false
			}
			continue
		}
		var meta struct {
			Version string `json:"api-version"`
		}
		if err := d.Decode(&meta); err != nil {
			return false
		}
		found = strings.HasPrefix(meta.Version, "1.")
	}
	_, err := d.Token()
	return err == nil && found
}
