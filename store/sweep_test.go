package store

import (
	"mirror"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweep(t *testing.T) {
	tree, _, state := newTree(t)
	now := time.Now()
	for _, name := range []mirror.Name{"a", "b"} {
		p, err := tree.NewPart(name)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	if err := tree.WriteJournal("j", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(state, journalDir, partName("k")+".tmp") // its process was killed
	if err := os.WriteFile(half, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	exists := func(name mirror.Name) bool {
		_, err := os.Stat(filepath.Join(state, "part", partName(name)))
		return err == nil
	}
	// What is a week old depends on the clock that is given: the inodes' own
	// time of change cannot be set.
	for _, test := range []struct {
		now  time.Time
		want bool
	}{
		{now, true},
		{now.Add(6 * 24 * time.Hour), true},
		{now.Add(6*24*time.Hour + 3*time.Hour), true}, // too soon after the last sweep
		{now.Add(8 * 24 * time.Hour), false},
	} {
		if err := tree.Sweep(test.now); err != nil {
			t.Fatal(err)
		}
		if exists("a") != test.want || exists("b") != test.want {
			t.Errorf("after %v: %v, %v, want %v", test.now.Sub(now), exists("a"), exists("b"), test.want)
		}
		if _, err := os.Stat(half); (err == nil) != test.want {
			t.Errorf("after %v: what was written of a journal: %v", test.now.Sub(now), err)
		}
		if list, err := tree.Journals(); err != nil || len(list) != 1 {
			t.Errorf("after %v: journals %q, %v", test.now.Sub(now), list, err)
		}
	}
}
