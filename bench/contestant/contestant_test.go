package contestant

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// values are all that a template may name.
var values = map[string]any{
	"Root": true, "Dir": "/d", "Listen": "127.0.0.1:1", "Origin": "127.0.0.1:2", "Server": "", "Site": "",
	"Docroot": "/d/docroot", "Cache": "/d/cache", "Host": "127.0.0.1", "Port": "1", "FastCGI": "", "HTTP": "", "Connections": 8,
}

func TestTemplates(t *testing.T) {
	names, err := fs.Glob(templates, "*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := fill(name, values)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(text, "<no value>") || strings.Contains(text, "{{") {
			t.Errorf("%s is not filled:\n%s", name, text)
		}
	}
}

func TestEveryContestantCanBeStarted(t *testing.T) {
	for _, k := range slices.Concat(Ours, Peers, []Kind{OursNginx8, OursBuiltin8, Direct, Curl, Aria4, Aria8, Floor, FloorLedger, FloorSockets}) {
		if starts[k] == nil {
			t.Errorf("nothing starts %q", k)
		}
	}
}

// A file of deploy/ that has changed is to be noticed, and not to be measured with
// the places of this machine's own mirror in it.
func TestDeployedFiles(t *testing.T) {
	file := filepath.Join("..", "..", "deploy", "apache", "cgid.conf")
	text, err := deployed(file, [][2]string{{"*:80>", "127.0.0.1:1>"}, {"/srv/mirror", "/d/docroot"}})
	if err != nil || strings.Contains(text, "/srv/mirror") || !strings.Contains(text, "<VirtualHost 127.0.0.1:1>") {
		t.Errorf("%v:\n%s", err, text)
	}
	if _, err := deployed(file, [][2]string{{"no such text", ""}}); err == nil {
		t.Error("a place that the file does not have passes")
	}
}
