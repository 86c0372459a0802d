package page

import (
	"encoding/base64"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"mirror/listing"
)

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
var fieldOf = sync.OnceValue(func() map[string]field {
	m := make(map[string]field)
	for f, names := range fieldNames {
		for name := range strings.FieldsSeq(names) {
			m[name] = f
		}
	}
	return m
})

// An object has the members of one that tell something; of two that tell the
// same, the first.
type object [fields]scalar

// A scalar is a string, or the word of a number or truth value.
type scalar struct {
	text string
	word bool
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
