package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mirror/bench/content"
	"mirror/bench/load"
)

// scaleSizes fetches larger and larger files.
func scaleSizes(ctx context.Context, b *bench, plan scalePlan) (*series, error) {
	const from = 100e6
	g := &growth{amount: "size of the file", label: decimal, columns: []*column{
		{name: "first byte", unit: "ms", format: "%.2f", from: 1e6},
		{name: "time", unit: "ms a MB", format: "%.2f", each: true, from: from},
		{name: "processor", unit: "ms a MB", format: "%.2f", each: true, from: from},
		{name: "peak memory", unit: "MiB", format: "%.0f", from: from},
	}}
	s := &series{title: "Size of a file", growth: g, note: "A miss with one client, until the file has its name. The file is all zeros, and the room of what has arrived is given " +
		"back meanwhile (what is read there is still zeros), so that it may be larger than the disk: the speed of the disk is not in these figures. " +
		"The first byte is the median of other fetches, which are broken off."}
	if err := b.origin.Set(ctx, 0, 0); err != nil {
		return s, err
	}
	for _, n := range plan.sizes {
		began := time.Now()
		var first []float64
		for range firstBytes {
			took, err := b.firstByteOf(ctx, n)
			if err != nil {
				return s, fmt.Errorf("%s: %w", decimal(float64(n)), err)
			}
			first = append(first, ms(took))
		}
		values, err := oneSize(ctx, b, n)
		if err != nil {
			return s, fmt.Errorf("%s: %w", decimal(float64(n)), err)
		}
		g.add(float64(n), append([]float64{median(first)}, values...)...)
		b.scaleDone(s.title, decimal(float64(n)), began)
	}
	return s, nil
}

// firstBytes is how often the first byte is asked for.
const firstBytes = 5

// firstByteOf returns when the first byte of a miss comes, to a daemon that is ended
// thereupon: it would go on with the file.
func (b *bench) firstByteOf(ctx context.Context, n int64) (took time.Duration, err error) {
	d, err := b.newScaled()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := d.start(ctx, "first-byte"); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the connection is closed, too
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.addr+content.ZerosPath(n, fmt.Sprint("first/", b.serial)), nil)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var one [1]byte
	_, err = io.ReadFull(resp.Body, one[:])
	took = time.Since(start)
	if err == nil && (resp.StatusCode != http.StatusOK || resp.ContentLength != n || one[0] != 0) {
		err = fmt.Errorf("the answer is %s, %d bytes", resp.Status, resp.ContentLength)
	}
	d.Process.Signal(syscall.SIGKILL) // what is unfinished need not be kept
	return took, err
}

func oneSize(ctx context.Context, b *bench, n int64) (values []float64, err error) {
	d, before, err := b.startFresh(ctx, "size-"+decimal(float64(n)), 0)
	defer func() { err = errors.Join(err, d.stop()) }()
	if err != nil {
		return nil, err
	}
	path := content.ZerosPath(n, fmt.Sprint("whole/", b.serial))
	hollow, stop := context.WithCancel(ctx)
	hollowed := make(chan error, 1)
	go func() { hollowed <- d.hollow(hollow, n) }()
	start := time.Now()
	c := load.NewClient(d.addr)
	defer c.Close()
	_, err = c.Get(ctx, path)
	if err == nil {
		err = d.settle(ctx, path)
	}
	took := time.Since(start)
	stop()
	if err := errors.Join(err, <-hollowed); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, d.logs())
	}
	after, err := d.brought(ctx, n, path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(d.docroot + path)
	if err != nil {
		return nil, err
	}
	if info.Size() != n {
		return nil, fmt.Errorf("it has %d bytes in the docroot", info.Size())
	}
	mb := float64(n) / 1e6
	return []float64{ms(took) / mb, ms(after.cpu-before.cpu) / mb, after.peak}, nil
}

const (
	// hollowEvery is how much may arrive between two looks: at 2 GB/s some 40 MB.
	hollowEvery = 20 * time.Millisecond
	// hollowBehind is how many bytes before the end of what has arrived keep their
	// room, and of the whole file twice as many: from the check on the file's times
	// must stay as they are.
	hollowBehind = 16 * mib
)

// hollow gives back the room of the one part that grows to n bytes, and the memory
// that the zeros take when they are read back for their digest: to get new memory
// all the time costs a virtual machine more than everything else.
func (d *scaled) hollow(ctx context.Context, n int64) error {
	var f *os.File
	var free int64 // of its room
	for {
		select {
		case <-ctx.Done():
			if f != nil {
				return f.Close()
			}
			return nil
		case <-time.After(hollowEvery):
		}
		if f == nil {
			var err error
			if f, err = d.part(); err != nil {
				return err
			}
			continue
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if free > 0 {
			_ = unix.Fadvise(int(f.Fd()), 0, free, unix.FADV_DONTNEED) // it need not be heard
		}
		to := min(info.Size(), n-hollowBehind) - hollowBehind
		if to -= to % mib; to <= free || info.Size() == n {
			continue
		}
		if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, free, to-free); err != nil {
			return fmt.Errorf("the room of a part cannot be given back: %w", err)
		}
		free = to
	}
}

// part opens the one part that there is; nil if there is none.
func (d *scaled) part() (*os.File, error) {
	parts, err := filepath.Glob(filepath.Join(d.state, "part", "*"))
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	f, err := os.OpenFile(parts[0], os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) { // it has its name by now
		return nil, nil
	}
	return f, err
}

// decimal writes a size in the units that upstreams write.
func decimal(v float64) string {
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%.0f GB", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%.0f MB", v/1e6)
	}
	return fmt.Sprintf("%.0f KB", v/1e3)
}
