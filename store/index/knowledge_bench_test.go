package index

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// manyClaims are n claims as the Packages file of a distribution makes them, all
// of a version. They come in the order of the packages' names, which is not that
// of the files'.
func manyClaims(arch string, n, version int) []Claim {
	all := make([]Claim, n)
	for i := range all {
		all[i] = oneClaim(arch, i, version)
	}
	return all
}

func oneClaim(arch string, i, version int) Claim {
	name := fmt.Sprintf("package-%07d", i)
	file := fmt.Sprintf("debian/pool/main/%c/source-%07d/%s_%d.2.3-4_%s.deb", 'a'+i%26, i*7919%1e7, name, version, arch)
	sum := sha256.Sum256([]byte(file))
	return Claim{Name: file, Size: int64(i), Algorithm: 5, Digest: string(sum[:]), Slot: name + "_" + arch, Package: true}
}

// learnAll is a Learn of the benchmarks.
func learnAll(b *testing.B, x *Index, index string, claims []Claim) {
	b.Helper()
	f := anIndex(index)
	f.Learned = time.Now()
	if got, err := x.Learn(b.Context(), f, claims); err != nil || got.Claims != len(claims) {
		b.Fatal(got, err)
	}
}

// others has nine indexes of 60,000 claims, so that the one that is measured is
// a part of a larger table.
func others(b *testing.B, x *Index) {
	for i := range 9 {
		learnAll(b, x, fmt.Sprint("other", i), manyClaims(fmt.Sprint("arch", i), 60_000, 1))
	}
}

// BenchmarkLearn: a first version, the next one of which 500 packages in 60,000
// are new versions, the same version again, and one of which all are new.
func BenchmarkLearn(b *testing.B) {
	const n, some = 60_000, 500
	for _, mode := range []string{modeWAL, modeDelete} {
		x := openMode(b, b.TempDir(), mode)
		others(b, x)
		one, two := manyClaims("amd64", n, 1), manyClaims("amd64", n, 2)
		mixed := slices.Clone(one)
		for i := 0; i < n; i += n / some {
			mixed[i] = two[i]
		}
		for _, c := range []struct {
			name          string
			before, after []Claim
		}{
			{"fresh", nil, one}, {"changed", one, mixed}, {"same", one, one}, {"all", one, two},
		} {
			b.Run(mode+"/"+c.name, func(b *testing.B) {
				var most uint64
				for b.Loop() {
					b.StopTimer()
					if c.before == nil {
						if err := x.ForgetIndex(b.Context(), "i"); err != nil {
							b.Fatal(err)
						}
					} else {
						learnAll(b, x, "i", c.before)
					}
					peak := watchHeap()
					b.StartTimer()
					learnAll(b, x, "i", c.after)
					b.StopTimer()
					most = max(most, peak())
					b.StartTimer()
				}
				b.ReportMetric(float64(most>>20), "MiB-peak")
			})
		}
	}
}

// watchHeap looks at the heap until peak is called, which returns how much it
// grew at most.
func watchHeap() (peak func() uint64) {
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	runtime.GC()
	var (
		before = inUse()
		most   uint64
		end    atomic.Bool
		ended  = make(chan struct{})
	)
	go func() {
		defer close(ended)
		for !end.Load() {
			most = max(most, inUse())
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() uint64 {
		end.Store(true)
		<-ended
		return most - min(most, before)
	}
}

// BenchmarkExpected: does what each miss asks stay flat as the table grows?
func BenchmarkExpected(b *testing.B) {
	x := open(b, b.TempDir())
	rows := 0
	for _, size := range []int{0, 100_000, 1_000_000} {
		for ; rows < size; rows += 50_000 {
			arch := fmt.Sprint("arch", rows/50_000)
			learnAll(b, x, arch, manyClaims(arch, 50_000, 1))
		}
		b.Run(fmt.Sprintf("none/rows=%d", size), func(b *testing.B) {
			each(b, 1, func(i int) error {
				got, err := x.Expected(b.Context(), oneClaim("none", i*7919%50_000, 1).Name)
				if len(got) != 0 {
					return fmt.Errorf("%+v is claimed", got)
				}
				return err
			})
		})
		if rows == 0 {
			continue
		}
		b.Run(fmt.Sprintf("one/rows=%d", size), func(b *testing.B) {
			each(b, 1, func(i int) error {
				arch := fmt.Sprint("arch", i%(rows/50_000))
				got, err := x.Expected(b.Context(), oneClaim(arch, i*7919%50_000, 1).Name)
				if len(got) != 1 {
					return fmt.Errorf("not claimed, %v", err)
				}
				return err
			})
		})
	}
}

// BenchmarkSlotsHeld: an index of 60,000 names, of which every twentieth is held.
func BenchmarkSlotsHeld(b *testing.B) {
	x := open(b, b.TempDir())
	given := manyClaims("amd64", 60_000, 1)
	learnAll(b, x, "i", given)
	var held []Record
	for i := 0; i < len(given); i += 20 {
		r := sample(i)
		r.Name = given[i].Name
		held = append(held, r, sample(i))
	}
	if err := x.Publish(b.Context(), held); err != nil {
		b.Fatal(err)
	}
	each(b, 3000, func(int) error {
		slots, err := x.SlotsHeld(b.Context(), "i")
		if err == nil && len(slots) != 3000 {
			err = fmt.Errorf("%d are held", len(slots))
		}
		return err
	})
}

// BenchmarkPublishBesideLearn: how long does a publication wait while another
// process learns versions of an index without a pause?
func BenchmarkPublishBesideLearn(b *testing.B) {
	for _, mode := range []string{modeWAL, modeDelete} {
		for _, kind := range []string{"changed", "all"} {
			b.Run(mode+"/"+kind, func(b *testing.B) {
				dir := b.TempDir()
				x := openMode(b, dir, mode)
				learnAll(b, x, "i", manyClaims("amd64", 60_000, 0))
				other := process(b, "relearn", dir, mode, kind)
				if err := other.Start(); err != nil {
					b.Fatal(err)
				}
				defer other.Wait()
				defer other.Process.Kill()
				var longest time.Duration
				each(b, 1, func(i int) error {
					began := time.Now()
					err := x.Publish(b.Context(), []Record{sample(i)})
					longest = max(longest, time.Since(began))
					return err
				})
				b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
			})
		}
	}
}

// relearnRole learns versions of an index for ever, in the journal mode ARG0:
// ARG1 says whether 500 names in 60,000 are new in each, or all.
func relearnRole(dir string, args []string) error {
	x, err := Open(dir)
	if err != nil {
		return err
	}
	x.mode = args[0]
	for version := 1; ; version++ {
		next := manyClaims("amd64", 60_000, version)
		if args[1] == "changed" {
			next = manyClaims("amd64", 60_000, 0)
			for i := 0; i < len(next); i += 120 {
				next[i] = oneClaim("amd64", i, version)
			}
		}
		f := anIndex("i")
		f.Source = strconv.Itoa(version)
		if _, err := x.Learn(context.Background(), f, next); err != nil {
			return err
		}
	}
}
