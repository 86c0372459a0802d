package index

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// processor is the time that the process has used of processors.
func processor() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBatch is what the announcement and the publication of new files cost the
// processor, without the disk, by the number of files in a batch.
func BenchmarkBatch(b *testing.B) {
	for _, order := range []string{"sorted", "scattered"} {
		for _, rows := range []int{1, 16, 150} {
			b.Run(fmt.Sprintf("%s/rows=%d", order, rows), func(b *testing.B) {
				x := open(b, b.TempDir())
				x.sync = func(string) error { return nil } // waits, and costs nothing else
				var intend, publish time.Duration
				n := 0
				for b.Loop() {
					partials, records := make([]Partial, rows), make([]Record, rows)
					for i := range records {
						n++
						records[i] = sample(n)
						if order == "sorted" {
							records[i].Name = fmt.Sprintf("debian/pool/main/p/package-%07d_1.2.3-4_amd64.deb", n)
						}
						r := &records[i]
						partials[i] = Partial{Name: r.Name, Upstream: r.Upstream, Inode: r.Inode, Total: r.Size,
							ModTime: r.ModTime, ETag: r.ETag, LastModified: r.LastModified, ContentType: r.ContentType,
							Boot: "5b3e4a3c-29a9-4b7a-93a4-6d8c1f5c2a11", Synced: r.Size, Digest: r.Digest, Started: r.Fetched}
					}
					t0 := processor()
					must(b, x.Intend(b.Context(), partials))
					t1 := processor()
					must(b, x.Publish(b.Context(), records))
					intend, publish = intend+t1-t0, publish+processor()-t1
				}
				b.ReportMetric(float64(intend.Nanoseconds())/1000/float64(n), "µs-intend")
				b.ReportMetric(float64(publish.Nanoseconds())/1000/float64(n), "µs-publish")
			})
		}
	}
}
