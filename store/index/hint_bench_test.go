package index

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkHint is what a look for a name that nobody knows costs the processor, when
// nothing is written meanwhile, and when a batch of files is published after some looks,
// as in a burst of misses.
func BenchmarkHint(b *testing.B) {
	for _, claims := range []int{0, 60_000} {
		for _, c := range []struct {
			batch   int
			publish bool
		}{{150, false}, {16, true}, {150, true}} {
			b.Run(fmt.Sprintf("claims=%d/publish=%v/batch=%d", claims, c.publish, c.batch), func(b *testing.B) {
				x := open(b, b.TempDir())
				x.sync = func(string) error { return nil }
				if claims > 0 {
					_, err := x.Learn(b.Context(), anIndex("i"), manyClaims("amd64", claims, 0))
					must(b, err)
				}
				var looks time.Duration
				n := 0
				for b.Loop() {
					records := make([]Record, c.batch)
					for i := range records {
						n++
						records[i] = sample(n)
					}
					began := processor()
					for _, r := range records {
						if h, err := x.Hint(b.Context(), r.Name); h.Failed || err != nil {
							b.Fatal(h, err)
						}
					}
					looks += processor() - began
					if c.publish {
						must(b, x.Publish(b.Context(), records))
					}
				}
				b.ReportMetric(float64(looks.Nanoseconds())/1000/float64(n), "µs-look")
			})
		}
	}
}
