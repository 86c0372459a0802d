package source

import (
	"strings"
	"testing"
	"time"

	"mirror"
)

func TestOffPin(t *testing.T) {
	pin := mirror.Meta{Size: 100, ETag: `"1"`, ModTime: time.Unix(1e9, 0)}
	for _, test := range []struct {
		change func(*mirror.Meta)
		last   int64
		want   string
	}{
		{func(*mirror.Meta) {}, 99, ""},
		{func(m *mirror.Meta) { m.Size = 99 }, 98, "has 99 bytes, not 100"},
		{func(m *mirror.Meta) { m.Size = -1 }, 99, "does not say how long it is"},
		{func(m *mirror.Meta) { m.ETag = `"2"` }, 99, "another version"},
		{func(*mirror.Meta) {}, 100, "bytes 0-100 are asked for"},
	} {
		meta := pin
		test.change(&meta)
		if got := offPin(pin, meta, 0, test.last); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%+v, to %d: %q, want %q", meta, test.last, got, test.want)
		}
	}
}
