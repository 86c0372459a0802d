package fetch

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

// BenchmarkSmallMiss is what the engine adds to the misses of a directory of
// small files: 16 clients, one upstream in this process. TMPDIR says which disk.
func BenchmarkSmallMiss(b *testing.B) {
	o := origin.New(b)
	for i := range b.N {
		o.Set(fmt.Sprintf("/pool/%d/f%d", i/100, i), origin.File{Seed: uint64(i), Size: 4096})
	}
	s := newSite(b, "", o)
	e := s.engine()
	if err := os.MkdirAll(filepath.Join(s.docroot, "m/pool"), 0o755); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				f, err := e.Open(b.Context(), mirror.Name(fmt.Sprintf("m/pool/%d/f%d", i/100, i)))
				if err != nil {
					b.Error(err)
					return
				}
				if n, err := io.Copy(io.Discard, f); n != 4096 || err != nil {
					b.Errorf("%d bytes, %v", n, err)
				}
				f.Close()
			}
		})
	}
	wg.Wait()
	s.settle(e)
}
