package repo

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// pypi is the simple repository API of Python's packages
// (https://packaging.python.org/en/latest/specifications/simple-repository-api/;
// PEP 503, 691, 700, 714). A project's page is at simple/PROJECT/, and is known here
// as a file in that directory:
//
//	simple/hello/index.html      <a href="../../files/hello-1.0.tar.gz#sha256=HEX">
//	simple/hello/index.v1_json   {"files": [{"url": "...", "hashes": {"sha256": "HEX"}}]}
//
// The list of all projects is at simple/, in the same way, and tells of no file.
//
// Addresses start at simple/PROJECT/. Those that name a host, or start at its root,
// are not known to be below the mirror, and claim nothing. What is at one never
// changes.
type pypi struct{}

// What a page is called in the directory that is its address, by its form.
const (
	PageHTML = "index.html"
	PageJSON = "index.v1_json"
)

const (
	// What an upstream is asked for: HTML under either of its types.
	acceptHTML = "text/html, application/vnd.pypi.simple.v1+html;q=0.5"
	acceptJSON = "application/vnd.pypi.simple.v1+json"
)

func (pypi) Of(name string) (Nature, bool) {
	dir, base := split(name)
	n := Nature{Page: dir, Accept: acceptHTML}
	switch base {
	case PageHTML:
	case PageJSON:
		n.Accept = acceptJSON
	default:
		return Nature{}, false
	}
	up, last := split(strings.TrimSuffix(dir, "/"))
	switch {
	case last != "" && (up == "simple/" || strings.HasSuffix(up, "/simple/")):
		n.Index, n.Set = dir+"index", []string{name}
	case last != "simple":
		return Nature{}, false
	}
	return n, true
}

func (pypi) Read(name string, r io.Reader, add func(Claim) error) (Head, error) {
	dir, base := split(name)
	if base == PageJSON {
		return Head{}, readSimpleJSON(dir, r, add)
	}
	return Head{}, readSimpleHTML(dir, r, add)
}

// linked is the name that an address leads to, and its fragment.
func linked(dir, address string) (name, fragment string, ok bool) {
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" || u.RawQuery != "" || u.Path == "" || u.Path[0] == '/' {
		return "", "", false
	}
	// Dots lead upwards only at the beginning.
	rest := u.Path
	dir = strings.TrimSuffix(dir, "/")
	for {
		if after, same := strings.CutPrefix(rest, "./"); same {
			rest = after
		} else if after, above := strings.CutPrefix(rest, "../"); above && dir != "" {
			rest, dir = after, strings.TrimSuffix(dir[:strings.LastIndexByte(dir, '/')+1], "/")
		} else {
			break
		}
	}
	if dir != "" {
		dir += "/"
	}
	return dir + rest, u.Fragment, true
}

// readSimpleHTML reads the links of a page. Their digest is in the fragment; that of
// the metadata beside the file in an attribute.
func readSimpleHTML(dir string, r io.Reader, add func(Claim) error) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxLine)
	tags, links := 0, 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				return z.Err()
			}
			if tags == 0 {
				return errors.New("it is no page")
			}
			return nil
		case html.StartTagToken, html.SelfClosingTagToken:
		default:
			continue
		}
		tags++
		tag, more := z.TagName()
		switch string(tag) {
		case "base": // not in use; it would say where all links start
			return errors.New("the page has a <base>")
		case "a":
		default:
			continue
		}
		var address, core, old string
		for more {
			var key, value []byte
			switch key, value, more = z.TagAttr(); string(key) {
			case "href":
				address = string(value)
			case "data-core-metadata":
				core = string(value)
			case "data-dist-info-metadata":
				old = string(value)
			}
		}
		if links++; links > maxClaims {
			return errTooMany
		}
		name, fragment, ok := linked(dir, strings.TrimSpace(address))
		if !ok {
			continue
		}
		c := Claim{Name: name, Size: -1, Digest: assigned(fragment), Package: true}
		if err := add(c); err != nil {
			return err
		}
		c.Name, c.Digest = name+".metadata", assigned(core)
		if c.Digest.Algorithm == NoAlgorithm {
			c.Digest = assigned(old)
		}
		if err := add(c); err != nil {
			return err
		}
	}
}

// assigned reads "sha256=HEX".
func assigned(s string) Digest {
	algorithm, digits, _ := strings.Cut(s, "=")
	digits, _, _ = strings.Cut(digits, "&")
	d, _ := digestOf(parseAlgorithm(algorithm), digits)
	return d
}

// simpleFile is an element of "files".
type simpleFile struct {
	URL    string
	Hashes map[string]string
	Size   *int64
	// true, false, or digests by their algorithms
	Core json.RawMessage `json:"core-metadata"`
	Old  json.RawMessage `json:"dist-info-metadata"`
}

// readSimpleJSON reads "files", one after the other, and steps over everything else.
func readSimpleJSON(dir string, r io.Reader, add func(Claim) error) error {
	d := json.NewDecoder(bound(r, maxWhole))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("it is no JSON object")
	}
	found := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if key != "files" {
			if err := d.Decode(new(json.RawMessage)); err != nil {
				return err
			}
			continue
		}
		found = true
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return errors.New("its files are no list")
		}
		for d.More() {
			var f simpleFile
			if err := d.Decode(&f); err != nil {
				return err
			}
			if err := f.claim(dir, add); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if !found {
		return errors.New("it has no files")
	}
	return nil
}

func (f *simpleFile) claim(dir string, add func(Claim) error) error {
	name, _, ok := linked(dir, f.URL)
	if !ok {
		return nil
	}
	c := Claim{Name: name, Size: -1, Digest: best(f.Hashes), Package: true}
	if f.Size != nil && *f.Size >= 0 {
		c.Size = *f.Size
	}
	if err := add(c); err != nil {
		return err
	}
	var hashes map[string]string
	if json.Unmarshal(f.Core, &hashes) != nil && json.Unmarshal(f.Old, &hashes) != nil {
		return nil
	}
	return add(Claim{Name: name + ".metadata", Size: -1, Digest: best(hashes), Package: true})
}

// best is the best of the digests that there are by the names of their algorithms.
func best(hashes map[string]string) Digest {
	var d digests
	for name, digits := range hashes {
		d.add(parseAlgorithm(name), []byte(digits))
	}
	return d.best
}
