package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// examplePath is the commented example file, from this package's directory.
const examplePath = "../mirror.example.toml"

// uncommented returns the example with every default that it shows switched on:
// the lines that begin with "#" and anything but a space.
func uncommented(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		if len(line) > 1 && line[0] == '#' && line[1] != ' ' {
			lines[i] = line[1:]
		}
	}
	return strings.Join(lines, "\n")
}

// TestExampleShowsTheDefaults holds the example file to the code: as it stands
// it gets all defaults, and with all that it shows switched on the same.
func TestExampleShowsTheDefaults(t *testing.T) {
	byDefault, err := Load(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := Parse([]byte(uncommented(t)), examplePath)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(byDefault, shown) {
		t.Errorf("the example shows other defaults than the code has:\ncode:    %+v\nexample: %+v", byDefault, shown)
	}
}

// TestExampleShowsEveryKey fails when a key was added and not documented.
func TestExampleShowsEveryKey(t *testing.T) {
	doc, err := decode([]byte(uncommented(t)), examplePath)
	if err != nil {
		t.Fatal(err)
	}
	text := uncommented(t)
	var check func(table reflect.Value, name string)
	check = func(table reflect.Value, name string) {
		for i := range table.NumField() {
			tag := table.Type().Field(i).Tag.Get("toml")
			switch field := table.Field(i); {
			case field.Kind() == reflect.Struct:
				check(field, tag)
			case field.Type() == reflect.TypeFor[[]mirrorTable]():
				check(field.Index(0), tag)
			case !strings.Contains(text, "\n"+tag+" = "):
				t.Errorf("mirror.example.toml does not show %s of [%s]", tag, name)
			}
		}
	}
	check(reflect.ValueOf(doc).Elem(), "")
}
