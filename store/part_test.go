package store

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"mirror"
)

// TestStoreError: of what the kernel says of our directories, what is full is told from
// what is lacking for the moment, and from what is wrong.
func TestStoreError(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.ENOSPC: mirror.ErrNoSpace,
		syscall.EDQUOT: mirror.ErrNoSpace,
		syscall.EFBIG:  mirror.ErrNoSpace, // ulimit -f, as hosts of many set it
		syscall.EMFILE: mirror.ErrBusy,
		syscall.ENFILE: mirror.ErrBusy,
		syscall.ENOENT: fs.ErrNotExist,
		syscall.EIO:    mirror.ErrStore,
		syscall.EROFS:  mirror.ErrStore,
	} {
		if err := storeError("a", &os.PathError{Op: "write", Path: "a", Err: errno}); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", errno, err, want)
		}
	}
}
