package page

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

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
	l.Ended = err == nil && p.next() == 0 && !p.more
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

// A field is what a member of an object tells.
type field uint8

const (
	noField field = iota
	nameField
	pathField // the name is its last segment
	linkField
	sizeField
	timeField
	kindField
	dirField // true or false
	symlinkField
	targetField
	modeField
	hardlinkField
	moreField // the list goes on
	// Of the JSON that this mirror itself makes.
	nameB64Field
	targetB64Field
	sizeLoField
	sizeHiField
	timeLoField
	timeHiField
	fields
)

// fieldNames are the names of members, without what spellings differ in: see
// plainKey.
var fieldNames = map[field]string{
	nameField:     "name filename basename subdir",
	pathField:     "path uri key relative file",
	linkField:     "url href link",
	sizeField:     "size bytes length filesize contentlength sizebytes sizeinbytes",
	timeField:     "mtime modtime lastmodified modified lastmod updated updatedat modificationtime lastmodifiedtime datemodified uploadtime date time timestamp mtimems",
	kindField:     "type kind pathtype filetype contenttype",
	dirField:      "isdir isdirectory dir directory folder isfolder",
	symlinkField:  "issymlink islink symlink",
	targetField:   "target linktarget symlinktarget symlinkpath",
	modeField:     "mode",
	hardlinkField: "hardlink",
	moreField:     "nextpagetoken nextcontinuationtoken nextmarker",

	nameB64Field:   "nameb64",
	targetB64Field: "targetb64",
	sizeLoField:    "sizelo",
	sizeHiField:    "sizehi",
	timeLoField:    "mtimelo",
	timeHiField:    "mtimehi",
}

// fieldOf finds the field of a member by its plain name.
var fieldOf = func() map[string]field {
	m := make(map[string]field)
	for f, names := range fieldNames {
		for name := range strings.FieldsSeq(names) {
			m[name] = f
		}
	}
	return m
}()

// An object has the members of one that tell something; of two that tell the
// same, the first.
type object [fields]scalar

// A scalar is a string, or the word of a number or truth value.
type scalar struct {
	text string
	word bool
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
		f = fieldOf[plainKey(string(key))]
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

// text is the text of a field, or of its counterpart in base64.
func (o *object) text(plain, b64 field) string {
	if b, err := base64.StdEncoding.DecodeString(o[b64].text); err == nil && len(b) > 0 {
		return string(b)
	}
	return o[plain].text
}

// between is the span of two fields.
func (o *object) between(lo, hi field) listing.Span {
	a, err := strconv.ParseInt(o[lo].text, 10, 64)
	b, err2 := strconv.ParseInt(o[hi].text, 10, 64)
	if err != nil || err2 != nil || a > b {
		return listing.Span{}
	}
	return listing.Between(a, b)
}

// kind is what an entry is, by any of the ways to say so.
func (o *object) kind(isDir, sized bool) (listing.Type, string) {
	word := strings.ToLower(o[kindField].text)
	switch {
	case o[symlinkField].text == "true", strings.HasPrefix(word, "symlink"), word == "link":
		return listing.Symlink, o.text(targetField, targetB64Field)
	case isDir, o[dirField].text == "true", word == "tree" || word == "d":
		return listing.Dir, ""
	case word == "other":
		return listing.Other, ""
	}
	if w, ok := dirWord(word); ok && w == word {
		return listing.Dir, ""
	}
	if sized || word != "" || o[dirField].word {
		return listing.File, ""
	}
	return listing.Unknown, ""
}

// size is a number of bytes, or a text like a page's.
func (o *object) size() listing.Span {
	if size, rest, ok := readSize(o[sizeField].text, 1); ok && rest == "" {
		return size
	}
	size := o.between(sizeLoField, sizeHiField)
	if size.Lo < 0 {
		return listing.Span{}
	}
	return size
}

// time is a text like a page's, or a number of seconds or milliseconds since
// 1970, which are exact.
func (o *object) time() (reading, listing.Span) {
	text := o[timeField].text
	if n, err := strconv.ParseFloat(text, 64); err == nil && n >= 0 && n < 1e14 {
		if n > 1e11 { // in milliseconds: else later than the year 5000
			n /= 1000
		}
		return reading{}, listing.Exactly(int64(n))
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return reading{}, listing.Exactly(t.Unix())
	}
	r, _, _ := dateIn(text)
	return r, o.between(timeLoField, timeHiField)
}

// mode is what there is to say of permissions: a number of Go's, which tells
// files that are none as well, or a text in octal.
func (o *object) mode(e *listing.Entry) {
	m := &o[modeField]
	if n, err := strconv.ParseUint(m.text, 8, 12); err == nil && !m.word && len(m.text) == len("0644") {
		e.Mode = listing.Perm(uint16(n))
		return
	}
	n, err := strconv.ParseUint(m.text, 10, 32)
	if err != nil || !m.word || !o[dirField].word || e.Type == listing.Symlink {
		return
	}
	mode := fs.FileMode(n)
	e.Mode = listing.Perm(uint16(mode.Perm()))
	if mode.Type()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0 {
		e.Type = listing.Other
	}
}
