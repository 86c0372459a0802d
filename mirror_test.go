package mirror

import (
	"testing"
	"time"
)

// TestContinues: what an answer must have in common with the bytes at hand.
func TestContinues(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	const text = "Tue, 02 Jan 2024 03:04:05 GMT"
	http := Meta{Size: 10, ModTime: at, LastModified: text}
	rsync := Meta{Size: 10, ModTime: at.Add(123456789), LastModified: text}
	tagged := Meta{Size: 10, ETag: `"1"`}
	for name, c := range map[string]struct {
		have, next Meta
		same, want bool
	}{
		"the same":                          {http, http, true, true},
		"another size":                      {http, Meta{Size: 11, ModTime: at, LastModified: text}, true, false},
		"unknown size":                      {Meta{Size: -1, ModTime: at, LastModified: text}, http, true, false},
		"a second later":                    {http, Meta{Size: 10, ModTime: at.Add(time.Second), LastModified: text}, true, false},
		"over HTTP, then to the nanosecond": {http, rsync, false, true},
		"the other way round":               {rsync, http, false, true},
		"another nanosecond":                {rsync, Meta{Size: 10, ModTime: at.Add(1), LastModified: text}, false, false},
		"a time that tells nothing":         {Meta{Size: 10, ModTime: at}, http, true, false},
		"one tag":                           {tagged, tagged, true, true},
		"another tag":                       {tagged, Meta{Size: 10, ETag: `"2"`}, true, false},
		"a tag of another upstream":         {tagged, tagged, false, false},
		"a weak tag":                        {Meta{Size: 10, ETag: `W/"1"`}, Meta{Size: 10, ETag: `W/"1"`}, true, false},
	} {
		if got := c.have.Continues(c.next, c.same); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
