package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// mirrorKey is the name of the only table that may be given several times.
const mirrorKey = "mirror"

// explainDecode turns an error of the TOML decoder into sentences, one a line,
// that speak of the file instead of the decoder's types.
func explainDecode(err error, path string) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		errs := make([]error, len(unknown.Errors))
		for i := range unknown.Errors {
			e := &unknown.Errors[i]
			line, column := e.Position()
			errs[i] = fmt.Errorf("%s:%d:%d: %s", path, line, column, explainUnknown(e.Key()))
		}
		return errors.Join(errs...)
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		line, column := wrong.Position()
		return fmt.Errorf("%s:%d:%d: %s", path, line, column, explainWrong(wrong))
	}
	return fmt.Errorf("%s: is not readable as TOML: %w", path, err)
}

// explainWrong explains text that is not TOML, or a value of the wrong type.
func explainWrong(e *toml.DecodeError) string {
	text := strings.TrimPrefix(e.Error(), "toml: ")
	name := strings.Join(e.Key(), ".")
	switch {
	case strings.HasPrefix(text, "cannot decode TOML"), strings.HasPrefix(text, "cannot store"):
		if want := wanted(e.Key()); want != "" {
			return name + " has a value of the wrong type: it must be " + want
		}
	case strings.HasPrefix(text, "table "+mirrorKey+" already exists"):
		return "[mirror] is given twice: begin every mirror with two brackets, [[mirror]]"
	case strings.HasSuffix(text, "at start of value"):
		text += ": put text in quotes"
	case strings.HasSuffix(text, "leading zeroes"):
		text += ": put a mode in quotes"
	}
	return "is not TOML: " + text
}

// wanted says what the value of a key must be, or "" for a key that is not
// known.
func wanted(keys []string) string {
	t := reflect.TypeFor[document]()
	for _, name := range keys {
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		field, ok := fieldOf(t, name)
		if !ok {
			break // below a value that is no table: tell what that must be
		}
		t = field
	}
	switch {
	case t == reflect.TypeFor[document]():
		return ""
	case t == reflect.TypeFor[[]string]():
		return `a list of texts, such as ["one", "two"]`
	case t == reflect.TypeFor[[]mirrorTable]():
		return "a table, which begins with [[mirror]]"
	case t.Kind() == reflect.Struct:
		return "a table, which begins with its name in brackets"
	case t == reflect.TypeFor[scalar]():
		return "a single value"
	}
	return `a text in quotes, such as "text"`
}

// explainUnknown explains a key that does not exist, with the likeliest one
// that does.
func explainUnknown(keys []string) string {
	t := reflect.TypeFor[document]()
	table := ""
	for len(keys) > 1 {
		field, ok := fieldOf(t, keys[0])
		if !ok {
			break
		}
		if field.Kind() == reflect.Slice {
			field = field.Elem()
		}
		t, table, keys = field, keys[0], keys[1:]
	}
	name := keys[0]
	text := fmt.Sprintf("there is no key %q", name)
	if table != "" {
		text += " in " + header(table)
	}
	if place := placeOf(name); place != "" {
		return text + ": it belongs " + place
	}
	if near := nearest(t, name); near != "" {
		return fmt.Sprintf("%s: is %q meant?", text, near)
	}
	return text + ": mirror.example.toml shows all that exist"
}

// header returns the line that begins a table.
func header(table string) string {
	if table == mirrorKey {
		return "[[" + table + "]]"
	}
	return "[" + table + "]"
}

// placeOf says in which table a key exists, or "".
func placeOf(name string) string {
	t := reflect.TypeFor[document]()
	if field, ok := fieldOf(t, name); ok && field.Kind() == reflect.String {
		return "above the first table"
	}
	for i := range t.NumField() {
		table := t.Field(i)
		inner := table.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if _, ok := fieldOf(inner, name); ok {
			return "below " + header(table.Tag.Get("toml"))
		}
	}
	return ""
}

// fieldOf returns the type of the key with this name in a table of type t.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	for i := range t.NumField() {
		if strings.EqualFold(t.Field(i).Tag.Get("toml"), name) {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}
