package listing

import (
	"math"
	"reflect"
	"testing"
)

var coded = []Entry{
	{Name: "a"},
	{Name: "dir", Type: Dir, MTime: Exactly(1700000000), Mode: Perm(0o755)},
	{Name: "file", Type: File, Size: Exactly(1 << 50), MTime: Between(-5, 86399), Mode: Perm(0)},
	{Name: "about", Type: File, Size: Between(1000, 2000), HardLink: "7"},
	{Name: "\xff\n<&>", Type: Symlink, Target: "../x y"},
	{Name: "dev", Type: Other, MTime: Between(math.MinInt64/2, math.MaxInt64/2)},
}

func TestCodec(t *testing.T) {
	for _, entries := range [][]Entry{{}, coded[:1], coded} {
		got, err := Decode(Encode(nil, entries))
		if err != nil || len(got) != len(entries) || len(got) > 0 && !reflect.DeepEqual(got, entries) {
			t.Errorf("%v\nwant %v, %v", got, entries, err)
		}
	}
	whole := Encode(nil, coded)
	if pieces := AppendEntries(Encode(nil, coded[:2]), coded[2:]); string(pieces) != string(whole) {
		t.Error("in pieces it is another")
	}
	for n := range len(whole) {
		if got, err := Decode(whole[:n]); err == nil && len(got) >= len(coded) {
			t.Errorf("the first %d of %d bytes are %d entries", n, len(whole), len(got))
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "../x", "a\x00"} {
		if got, err := Decode(Encode(nil, []Entry{{Name: name}})); err == nil {
			t.Errorf("%q is taken for a name: %v", name, got)
		}
	}
	if _, err := Decode([]byte{9}); err == nil {
		t.Error("another version is read")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(nil, coded))
	f.Add(Encode(nil, []Entry{{Name: "../x"}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := Decode(b)
		if err != nil {
			return
		}
		for _, e := range entries {
			if !ValidName(e.Name) {
				t.Errorf("%q is no name", e.Name)
			}
		}
		again, err := Decode(Encode(nil, entries))
		if err != nil || len(again) != len(entries) {
			t.Errorf("%d entries became %d, %v", len(entries), len(again), err)
		}
	})
}
