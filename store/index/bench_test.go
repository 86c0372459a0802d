package index

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The benchmarks answer: what does a record cost a client, what does waiting
// for the disk cost, and does a lookup stay flat as the table grows?
//
//	go test -run '^$' -bench . ./store/index

// sample is a record of usual size.
func sample(i int) Record {
	return Record{
		Name:     fmt.Sprintf("debian/pool/main/p/package-%07d/package-%07d_1.2.3-4_amd64.deb", i*7919%10_000_000, i),
		Upstream: fmt.Sprintf("http://deb.example.org/debian/pool/main/p/package-%07d_1.2.3-4_amd64.deb", i),
		Size:     int64(i), ModTime: time.Unix(1_700_000_000, int64(i)), Inode: uint64(i),
		ETag: `"5f3a1c-60a1b2c3d4e5f"`, LastModified: "Tue, 14 Nov 2023 22:13:20 GMT",
		ContentType: "application/vnd.debian.binary-package",
		Digest:      make([]byte, 32), Fetched: time.Unix(1_700_000_100, 0), Checked: time.Unix(1_700_000_200, 0),
	}
}

// each reports the median time of f, besides the mean.
func each(b *testing.B, rows int, f func(i int) error) {
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		if err := f(i); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(rows*len(times))/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkWrite(b *testing.B) {
	for _, mode := range []string{modeWAL, modeDelete} {
		for _, durable := range []bool{false, true} {
			for _, rows := range []int{1, 64} {
				b.Run(fmt.Sprintf("publish/%s/durable=%v/rows=%d", mode, durable, rows), func(b *testing.B) {
					x := openMode(b, b.TempDir(), mode)
					each(b, rows, func(i int) error {
						return x.write(b.Context(), "publish", durable, func(t *transaction) error {
							for k := range rows {
								if err := t.publish(sample(i*rows + k)); err != nil {
									return err
								}
							}
							return nil
						})
					})
				})
			}
			b.Run(fmt.Sprintf("partial/%s/durable=%v", mode, durable), func(b *testing.B) {
				x := openMode(b, b.TempDir(), mode)
				each(b, 1, func(i int) error {
					return x.write(b.Context(), "partial", durable, func(t *transaction) error {
						return t.putPartial(Partial{Name: sample(i % 100).Name, Upstream: "http://deb.example.org/", Total: -1, Synced: int64(i)})
					})
				})
			})
		}
	}
}

// BenchmarkTogether is 64 clients that publish a file each, again and again.
func BenchmarkTogether(b *testing.B) {
	for _, durable := range []bool{false, true} {
		b.Run(fmt.Sprintf("durable=%v", durable), func(b *testing.B) {
			x := open(b, b.TempDir())
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					err := x.write(b.Context(), "publish", durable, func(t *transaction) error {
						return t.publish(sample(i))
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	x := open(b, b.TempDir())
	rows := 0
	for _, size := range []int{1e3, 1e4, 1e5, 1e6} {
		for rows < size {
			var batch []Record
			for range 1000 {
				batch = append(batch, sample(rows))
				rows++
			}
			err := x.write(b.Context(), "fill", false, func(t *transaction) error {
				for _, r := range batch {
					if _, err := t.putFile(r); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("Lookup/rows=%d", size), func(b *testing.B) {
			each(b, 1, func(i int) error {
				r, _, _, err := x.Lookup(b.Context(), sample(i*7919%size).Name)
				if r == nil {
					return fmt.Errorf("missing, %v", err)
				}
				return err
			})
		})
		b.Run(fmt.Sprintf("File/rows=%d", size), func(b *testing.B) {
			each(b, 1, func(i int) error {
				_, _, err := x.File(b.Context(), sample(i*7919%size).Name)
				return err
			})
		})
	}
}
