package fetch

import "testing"

// What nobody waits for is read back while it is still in memory; what may not be
// there any more is never read back.
func TestAlongside(t *testing.T) {
	for _, test := range []struct {
		size     int64
		compared bool
		want     bool
	}{
		{-1, false, false}, {-1, true, false}, // of no known length
		{1000, true, false},
		{64 << 20, false, false}, {64 << 20, true, true},
		{100e9, false, true}, {100e9, true, true},
	} {
		if got := alongside(test.size, test.compared); got != test.want {
			t.Errorf("a file of %d bytes, compared %v: alongside is %v", test.size, test.compared, got)
		}
	}
}
