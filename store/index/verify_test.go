package index

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// TestFilesAfter: a walk goes on behind any name, whether or not it is recorded.
func TestFilesAfter(t *testing.T) {
	x := open(t, t.TempDir())
	names := []string{"a", "m", "m/", "m/a", "m/a\x00", "m/b", "m/\xff", "n"}
	for _, name := range names {
		if err := x.Publish(t.Context(), []Record{{Name: name, Size: 3}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		after string
		want  []string
	}{
		{"", []string{"m/", "m/a", "m/a\x00", "m/b", "m/\xff"}},
		{"m", []string{"m/", "m/a", "m/a\x00", "m/b", "m/\xff"}},
		{"m/a", []string{"m/a\x00", "m/b", "m/\xff"}},
		{"m/ab", []string{"m/b", "m/\xff"}},
		{"m/\xff", nil},
		{"z", nil},
	} {
		var got []string
		for r, err := range x.FilesAfter(t.Context(), "m/", c.after) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.Name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("behind %q: %q, want %q", c.after, got, c.want)
		}
	}
	for prefix, want := range map[string]int64{"": 8, "m/": 5, "x": 0} {
		files, size, err := x.Total(t.Context(), prefix)
		if err != nil || files != want || size != 3*want {
			t.Errorf("below %q: %d files, %d bytes, %v", prefix, files, size, err)
		}
	}
}

// TestDigested: a digest is recorded once, and of the file that was read.
func TestDigested(t *testing.T) {
	x := open(t, t.TempDir())
	at := time.Unix(1e9, 5)
	for _, r := range []Record{{Name: "timed", Size: 3, ModTime: at}, {Name: "timeless", Size: 3}, {Name: "known", Size: 3, Digest: []byte("old")}} {
		if err := x.Publish(t.Context(), []Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		r    Record
		want string
	}{
		{Record{Name: "timed", Size: 4, ModTime: at}, ""},
		{Record{Name: "timed", Size: 3, ModTime: at.Add(1)}, ""},
		{Record{Name: "timed", Size: 3, ModTime: at}, "new"},
		{Record{Name: "timeless", Size: 3}, "new"},
		{Record{Name: "known", Size: 3}, "old"},
	} {
		if err := x.Digested(t.Context(), c.r, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if r, _, err := x.File(t.Context(), c.r.Name); err != nil || !bytes.Equal(r.Digest, []byte(c.want)) {
			t.Errorf("%+v: the digest is %q, %v; want %q", c.r, r.Digest, err, c.want)
		}
	}
}
