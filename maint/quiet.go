package maint

import (
	"context"
	"crypto/sha256"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// chunk is how much is read at a time: a small part of what a slow rate allows
	// in a second.
	chunk = 256 << 10

	// openCost is what a file costs beside its bytes, in bytes: a disk that turns
	// reads as many in the time in which it finds one. A million small files at
	// 50 MiB a second take an hour, then, and leave the disk to others meanwhile.
	openCost = 128 << 10
)

// quietly makes reading f leave no trace: its time of last access stays that of
// its clients, where f is ours.
func quietly(f *os.File) {
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err == nil {
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags|unix.O_NOATIME) // EPERM: of another user
	}
}

// isCached reports whether most of the file is in the page cache, so that clients
// are reading it. Kernels before 6.5 do not tell.
func isCached(f *os.File, size int64) bool {
	var all unix.CachestatRange
	var stat unix.Cachestat_t
	err := unix.Cachestat(uint(f.Fd()), &all, &stat, 0)
	return err == nil && int64(stat.Cache)*int64(os.Getpagesize()) > size/2
}

// forget drops the file from the page cache, up to an offset, or with 0 all of it: the
// cache is the clients', and what is read once only pushes out what they use. Bytes
// that are not on disk yet stay. It begins at the start each time, since the kernel
// keeps its larger pieces of a file unless all of one is to go.
func forget(f *os.File, end int64) {
	_ = unix.Fadvise(int(f.Fd()), 0, end, unix.FADV_DONTNEED)
}

// forgetEvery is how much of a file is in the page cache at most, for being read.
const forgetEvery = 16 << 20

// reader reads whole files at a bounded rate.
type reader struct {
	pace pace
	buf  []byte
	read func(n int) // counts bytes
}

// sum reads f from its beginning and returns its SHA-256; more gets its bytes, too.
// Unless keep is set, the page cache has none of it afterwards.
func (r *reader) sum(ctx context.Context, f *os.File, keep bool, more ...io.Writer) ([]byte, error) {
	if r.buf == nil {
		r.buf = make([]byte, chunk)
	}
	if err := r.pace.spend(ctx, openCost); err != nil {
		return nil, err
	}
	h := sha256.New()
	forgotten := int64(0)
	if !keep {
		defer forget(f, 0)
	}
	for off := int64(0); ; {
		n, err := f.ReadAt(r.buf, off)
		h.Write(r.buf[:n])
		for _, w := range more {
			if _, err := w.Write(r.buf[:n]); err != nil {
				return nil, err
			}
		}
		r.read(n)
		off += int64(n)
		if !keep && off-forgotten >= forgetEvery {
			forget(f, off)
			forgotten = off
		}
		if err == io.EOF {
			return h.Sum(nil), nil
		}
		if err != nil {
			return nil, err
		}
		if err := r.pace.spend(ctx, int64(n)); err != nil {
			return nil, err
		}
	}
}
