package snippet

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"mirror/config"
)

var update = flag.Bool("update", false, "write the files of deploy/ anew")

func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	conf, err := config.Parse([]byte(text), DefaultFile)
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// TestDeploy: what lies in deploy/ is what the command prints.
func TestDeploy(t *testing.T) {
	for _, s := range Styles {
		got, err := s.Text(parse(t, Default), DefaultHost)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("..", "deploy", s.File)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || string(want) != got {
			t.Errorf("%s is not what mirrorctl snippet %s --style %s prints (%v): go test ./snippet -update", file, s.Server, s.Name, err)
		}
	}
}
