//go:build power

package crash

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"mirror/internal/server"
)

const (
	diskSize = 1 << 30
	// blockSize is what such a disk writes whole or not at all.
	blockSize = 4096
)

// disk is a disk whose power can be cut: a file by FUSE, below a loop device, that
// takes down what is written to it, and when it is told to put that on its platters.
//
//	file system ─> loop device ─> FUSE ─> image
//	                               └────> log: write, write, flush, write, ...
type disk struct {
	fs.Inode
	t     *testing.T
	dir   string // the images
	image *os.File

	device string // the loop device

	mu     sync.Mutex // guards what follows, until the disk is unmounted
	start  *os.File   // the image at begin; nil before
	log    *os.File   // the bytes of all writes since, one after the other
	end    int64      // of log
	writes []write
}

// write is one entry of the log: n bytes from its offset from that go to the disk's
// offset at. With n = 0 it is a flush: what is before it, is on the disk.
type write struct {
	at, from int64
	n        int
}

// newDisk makes a disk with a file system.
func newDisk(t *testing.T, mkfs string) *disk {
	d := &disk{t: t, dir: t.TempDir()}
	d.image = d.create("image")
	if err := d.image.Truncate(diskSize); err != nil {
		t.Fatal(err)
	}
	d.run(append(strings.Fields(mkfs), d.image.Name())...)
	dir := t.TempDir()
	host, err := fs.Mount(dir, d, &fs.Options{MountOptions: fuse.MountOptions{DirectMount: true, MaxWrite: 128 << 10, FsName: "disk"}})
	if err != nil {
		t.Fatalf("FUSE: %v", err)
	}
	t.Cleanup(func() {
		if err := host.Unmount(); err != nil {
			t.Error(err)
		}
	})
	d.device = d.run("losetup", "--find", "--show", "--direct-io=on", filepath.Join(dir, "disk"))
	t.Cleanup(func() { d.run("losetup", "--detach", d.device) })
	return d
}

// mounted mounts what at dir while use runs.
func (d *disk) mounted(what, dir string, use func()) {
	d.t.Helper()
	d.run("mount", what, dir)
	defer server.Eventually(d.t, "the disk is unmounted", func() bool { // what was killed may not have ended
		return exec.Command("umount", dir).Run() == nil
	})
	use()
}

func (d *disk) create(name string) *os.File {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { f.Close() })
	return f
}

func (d *disk) run(command ...string) string {
	d.t.Helper()
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%v: %v\n%s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// copy makes a copy of an image, holes left out.
func (d *disk) copy(from *os.File, name string) *os.File {
	d.t.Helper()
	f := d.create(name)
	d.run("cp", "--sparse=always", from.Name(), f.Name())
	return f
}

// begin takes down what is written from now on, beside what is on disk now.
func (d *disk) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = d.create("log")
	d.start = d.copy(d.image, "start")
}

// cut has look see the disk as it may be after the power was cut at n moments: of what
// was written since the last flush, it has some blocks and lacks the others.
func (d *disk) cut(n int, look func(image string)) {
	rnd := rand.New(rand.NewPCG(19, uint64(time.Now().UnixNano())))
	moments := make(map[int]bool, n)
	for len(moments) < min(n, len(d.writes)) {
		moments[rnd.IntN(len(d.writes))] = true
	}
	flushed := 0 // writes before it are in d.start
	for i, w := range d.writes {
		if moments[i] {
			image := d.copy(d.start, "cut")
			share := []float64{0, 0.5, 0.9, 1}[rnd.IntN(4)]
			d.apply(image, d.writes[flushed:i], func() bool { return rnd.Float64() < share })
			look(image.Name())
			if d.t.Failed() {
				d.t.Fatalf("that was with %v of the %d writes of after the last flush, at %d of %d", share, i-flushed, i, len(d.writes))
			}
		}
		if w.n == 0 {
			d.apply(d.start, d.writes[flushed:i], func() bool { return true })
			flushed = i
		}
	}
}

// apply writes those blocks of writes that has says.
func (d *disk) apply(image *os.File, writes []write, has func() bool) {
	for _, w := range writes {
		b := make([]byte, w.n)
		if _, err := d.log.ReadAt(b, w.from); err != nil {
			d.t.Fatal(err)
		}
		for at := 0; at < w.n; at += blockSize {
			if !has() {
				continue
			}
			if _, err := image.WriteAt(b[at:min(at+blockSize, w.n)], w.at+int64(at)); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

// OnAdd makes the one file.
func (d *disk) OnAdd(ctx context.Context) {
	d.AddChild("disk", d.NewPersistentInode(ctx, &diskFile{disk: d}, fs.StableAttr{Mode: fuse.S_IFREG}), false)
}

type diskFile struct {
	fs.Inode
	disk *disk
}

func (f *diskFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = fuse.S_IFREG|0o600, diskSize
	return 0
}

// Open has the kernel keep nothing: what it wrote is in the log.
func (f *diskFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (f *diskFile) Read(_ context.Context, _ fs.FileHandle, b []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	n, err := f.disk.image.ReadAt(b, at)
	if err != nil && err != io.EOF {
		return nil, syscall.EIO
	}
	return fuse.ReadResultData(b[:n]), 0
}

func (f *diskFile) Write(_ context.Context, _ fs.FileHandle, b []byte, at int64) (uint32, syscall.Errno) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.image.WriteAt(b, at); err != nil {
		return 0, syscall.EIO
	}
	if d.start != nil && len(b) > 0 {
		if _, err := d.log.WriteAt(b, d.end); err != nil {
			return 0, syscall.EIO
		}
		d.writes = append(d.writes, write{at, d.end, len(b)})
		d.end += int64(len(b))
	}
	return uint32(len(b)), 0
}

func (f *diskFile) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.start != nil {
		d.writes = append(d.writes, write{})
	}
	return 0
}
