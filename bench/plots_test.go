package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/bench/contestant"
)

// The results link what is there, and nothing of an earlier run stays.
func TestDraw(t *testing.T) {
	dir := t.TempDir()
	s := &series{
		title: "First byte of a miss of 1 KiB: 5 % / \"quoted\"", unit: "ms", format: "%.2f",
		kinds:  []contestant.Kind{contestant.OursBuiltin, contestant.Direct, contestant.Curl},
		values: map[contestant.Kind]map[int][]float64{contestant.OursBuiltin: {0: {3, 1}, 1: {2}}, contestant.Direct: {0: {0.5}}},
	}
	old, others := filepath.Join(dir, plotDir, "old.svg"), filepath.Join(dir, plotDir, "others.svg")
	results := filepath.Join(dir, "RESULTS.md")
	if err := os.Mkdir(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{old: "", others: "", results: "![old](plots/old.svg)\n![gone](plots/gone.svg)\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := &report{series: []*series{s}, drawn: true}
	if err := r.draw(results); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the drawing of an earlier run is still there: %v", err)
	}
	if _, err := os.Stat(others); err != nil {
		t.Errorf("a drawing that is none of ours is gone: %v", err)
	}
	const link = "plots/first-byte-of-a-miss-of-1-kib-5-quoted.svg"
	if text := r.markdown(); !strings.Contains(text, "("+link+")") {
		t.Errorf("the results do not link %s:\n%s", link, text)
	}
	svg, err := os.ReadFile(filepath.Join(dir, link))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">2.00<", ">0.50<", ">ours built-in<", ">direct<", `class="own"`, `class="bar"`} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the drawing lacks %s:\n%s", want, svg)
		}
	}
	if strings.Contains(string(svg), string(contestant.Curl)) {
		t.Error("the drawing shows who has no figures")
	}
}
