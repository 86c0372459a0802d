package index

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
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
				for b.Loop() {
					b.StopTimer()
					if c.before == nil {
						if err := x.ForgetIndex(b.Context(), "i"); err != nil {
							b.Fatal(err)
						}
					} else {
						learnAll(b, x, "i", c.before)
					}
					runtime.GC()
					b.StartTimer()
					learnAll(b, x, "i", c.after)
				}
			})
		}
	}
}
