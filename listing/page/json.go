package page

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"mirror/listing"
)

// A jsonPage is a listing as JSON. There is no standard for it, but a family
// likeness: an array of objects, at the root or one level down, with a member
// for the name and others for what the entry is, under names that differ in
// little more than their spelling:
//
//	[{"name":"a.txt","type":"file","mtime":"Wed, 02 Feb 2022 02:02:02 GMT","size":7}]
//	[{"name":"d/","size":4096,"url":"./d/","mod_time":"2022-02-02T02:02:02Z","mode":2147484141,"is_dir":true}]
//	{"path":"/pool","children":[{"uri":"/main","folder":true}]}
//	{"projects":[{"name":"a"}]}
type jsonPage struct {
	entries
	scanner
	resolver *resolver
	more     bool             // the list goes on elsewhere
	arrays   int              // that may be listings
	spelt    map[string]field // members, as the page spells them
	keys     string           // of the first object, for the format's name
}

// maxDepth is how deep values nest in anything that is a listing.
const maxDepth = 64

var errDeep = fmt.Errorf("its values nest more than %d deep", maxDepth)

func parseJSON(body []byte, in Input) (listing.Listing, error) {
	p := &jsonPage{entries: newEntries(bytes.Count(body, []byte("{"))), scanner: scanner{b: body}, resolver: newResolver(in.Base), spelt: map[string]field{}}
	err := p.value("", 0, false)
	if p.arrays == 0 {
		if err != nil {
			return listing.Listing{}, fmt.Errorf("this page is no listing: %w at byte %d", err, p.at)
		}
		return listing.Listing{}, fmt.Errorf("this JSON is no listing: there is no array of entries in it, it begins with %q", clip(string(body[:min(len(body), 40)])))
	}
	l := p.finish(in.Clock)
	l.Format = p.format()
	// Nothing is what a program says, too, that has lost its data.
	l.Ended = err == nil && p.next() == 0 && !p.more && len(l.Entries) > 0
	return l, nil
}

func (p *jsonPage) format() string {
	switch {
	case strings.HasPrefix(p.keys, "name type mtime"):
		return "nginx-json"
	case strings.Contains(p.keys, "mod_time"):
		return "caddy-json"
	case strings.Contains(p.keys, "filename url hashes"), strings.HasPrefix(p.keys, "projects"):
		return "pypi-simple-json"
	}
	return "json"
}

// value reads a value that is the member key of an object, or an element of
// the array of that key. Inner: it is part of an entry, whose parts are none.
func (p *jsonPage) value(key string, depth int, inner bool) error {
	switch c := p.next(); {
	case depth > maxDepth:
		return errDeep
	case c == '[':
		return p.array(key, depth, inner)
	case c == '{':
		return p.object(new(object), depth, inner)
	case c == '"':
		_, err := p.string()
		return err
	}
	_, err := p.word()
	return err
}

// listKeys are members that have entries as mere strings.
const listKeys = " files entries children items list contents prefixes directories dirs folders subdirs "

// dirKeys are members whose elements are directories.
const dirKeys = " prefixes directories dirs folders subdirs projects "

func (p *jsonPage) array(key string, depth int, inner bool) error {
	p.pass('[')
	outer := !inner && depth <= 2
	isDir := strings.Contains(dirKeys, " "+key+" ")
	names := outer && (depth == 0 || isDir || strings.Contains(listKeys, " "+key+" "))
	if c := p.next(); outer && c == '{' || names && (c == '"' || c == ']') {
		p.arrays++
	}
	for !p.pass(']') {
		start := p.at
		err := p.element(key, depth+1, outer, names, isDir)
		if err == nil && !p.pass(',') && p.next() != ']' {
			err = errJSON
		}
		if err != nil && (!outer || err == errDeep || !p.recover(start)) {
			return err
		}
	}
	return nil
}

// element reads an element of an array: an entry, if objects are, or its mere
// name, if names are.
func (p *jsonPage) element(key string, depth int, objects, names, isDir bool) error {
	var o object
	switch c := p.next(); {
	case c == '{' && objects:
		if err := p.object(&o, depth, true); err != nil {
			return err
		}
	case c == '"' && names:
		name, err := p.string()
		if err != nil {
			return err
		}
		o[nameField].text = string(name)
	default:
		return p.value(key, depth, true)
	}
	p.entry(&o, isDir)
	return nil
}

// recover passes an element that is not well-formed, up to the next object.
func (p *jsonPage) recover(start int) bool {
	p.misread(string(p.b[start:min(len(p.b), start+maxText)]))
	p.at = min(max(p.at, start+1), len(p.b))
	i := bytes.IndexByte(p.b[p.at:], '{')
	p.at += max(i, 0)
	return i >= 0
}

// object reads an object; arrays in it that are not part of an entry may be
// the listing.
func (p *jsonPage) object(o *object, depth int, inner bool) error {
	p.pass('{')
	first := p.keys == ""
	for !p.pass('}') {
		key, err := p.string()
		if err != nil || !p.pass(':') {
			return errJSON
		}
		if first {
			p.keys = strings.TrimSpace(p.keys + " " + clip(string(key)))
		}
		if c := p.next(); c == '[' || c == '{' {
			err = p.value(plainKey(string(key)), depth+1, inner)
		} else {
			err = p.scalar(&o[p.fieldOf(key)])
		}
		if err != nil {
			return err
		}
		if !p.pass(',') && p.next() != '}' {
			return errJSON
		}
	}
	p.more = p.more || !inner && o[moreField].text != ""
	return nil
}

// scalar reads a value into v, unless it has one.
func (p *jsonPage) scalar(v *scalar) (err error) {
	var text []byte
	quoted := p.next() == '"'
	if quoted {
		text, err = p.string()
	} else {
		text, err = p.word()
	}
	if v.text == "" && (quoted || string(text) != "null") {
		*v = scalar{string(text), !quoted}
	}
	return err
}

// fieldOf finds what a member tells; how this page spells it is remembered.
func (p *jsonPage) fieldOf(key []byte) field {
	f, known := p.spelt[string(key)]
	if !known {
		f = fieldOf()[plainKey(string(key))]
		if len(p.spelt) < 64 {
			p.spelt[string(key)] = f
		}
	}
	return f
}

// plainKey is a member's name without what spellings differ in: is_dir, IsDir.
func plainKey(key string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(key))
}

// entry takes an object in as an entry.
func (p *jsonPage) entry(o *object, isDir bool) {
	name := o.text(nameField, nameB64Field)
	if href := o[linkField].text; href != "" {
		l := p.resolver.resolve(href)
		if l.place != child {
			return
		}
		isDir = isDir || l.slash
		name = cmp.Or(name, l.name)
	}
	if name == "" {
		path, slash := strings.CutSuffix(o[pathField].text, "/")
		isDir = isDir || slash
		name = path[strings.LastIndexByte(path, '/')+1:]
	}
	if short, slash := strings.CutSuffix(name, "/"); slash {
		name, isDir = short, true
	}
	if name == "." || name == ".." {
		return
	}
	e := found{listing.Entry{Name: name, HardLink: o[hardlinkField].text}, find{evidence: described}}
	e.Size = o.size()
	e.time, e.MTime = o.time()
	e.Type, e.Target = o.kind(isDir, e.Size.Known)
	o.mode(&e.Entry)
	if e.Type == listing.Dir {
		e.Size = listing.Span{}
	}
	p.add(e)
}
