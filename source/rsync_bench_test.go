package source

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

// BenchmarkRsyncMany is a batch of 10,000 files of 4 KiB in 100 directories,
// and for comparison the rsync program with the same.
func BenchmarkRsyncMany(b *testing.B) {
	d := newRsyncDaemon(b)
	var paths []mirror.Name
	for i := range 10_000 {
		path := fmt.Sprintf("%02d/%d", i%100, i)
		d.set(path, origin.File{Seed: uint64(i), Size: 4 << 10})
		paths = append(paths, mirror.Name(path))
	}
	r := d.source("", nil)
	b.Run("here", func(b *testing.B) {
		for b.Loop() {
			dir := b.TempDir()
			for i := range 100 {
				os.Mkdir(filepath.Join(dir, fmt.Sprintf("%02d", i)), 0o755)
			}
			requests := make([]Request, len(paths))
			files := make([]*os.File, len(paths))
			for i, path := range paths {
				requests[i] = Request{Path: path, Wrote: func(int) {}, Start: func(mirror.Meta) (f *os.File, err error) {
					files[i], err = os.Create(filepath.Join(dir, string(path)))
					return files[i], err
				}}
			}
			r.FetchMany(b.Context(), requests, func(i int, res Result, err error) {
				if err != nil {
					b.Fatal(err)
				}
				files[i].Close()
				os.Chtimes(files[i].Name(), res.Meta.ModTime, res.Meta.ModTime)
			})
		}
	})
	b.Run("program", func(b *testing.B) {
		for b.Loop() {
			if out, err := exec.Command("rsync", "-a", r.String(), b.TempDir()).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
	})
}

// BenchmarkRsyncFetch is one file, connection and all.
func BenchmarkRsyncFetch(b *testing.B) {
	d := newRsyncDaemon(b)
	r := d.source("", nil)
	for _, n := range []int64{4 << 10, 1 << 30} {
		d.set("a", origin.File{Seed: 1, Size: n})
		b.Run(fmt.Sprint("here/", n), func(b *testing.B) {
			b.SetBytes(n)
			name := filepath.Join(b.TempDir(), "a")
			for b.Loop() {
				f, err := os.Create(name)
				if err != nil {
					b.Fatal(err)
				}
				_, err = r.Fetch(b.Context(), Request{Path: "a", Wrote: func(int) {}, Start: func(mirror.Meta) (*os.File, error) { return f, nil }})
				f.Close()
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("program/", n), func(b *testing.B) {
			b.SetBytes(n)
			name := filepath.Join(b.TempDir(), "a")
			for b.Loop() {
				os.Remove(name)
				if out, err := exec.Command("rsync", "-t", r.URL("a"), name).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
			}
		})
	}
}

// BenchmarkRsyncList is a directory of 100,000 entries.
func BenchmarkRsyncList(b *testing.B) {
	d := newRsyncDaemon(b)
	for i := range 100_000 {
		if err := os.WriteFile(filepath.Join(d.dir, fmt.Sprintf("package-%d_1.%d_amd64.deb", i, i%7)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	r := d.source("", nil)
	for b.Loop() {
		l, err := r.List(b.Context(), "", nil)
		if err != nil || len(l.Entries) != 100_000 {
			b.Fatal(len(l.Entries), err)
		}
	}
}
