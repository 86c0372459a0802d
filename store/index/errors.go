package index

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// The kinds of trouble that a caller may want to tell apart, with errors.Is.
// None of them costs a file: the docroot is the truth, and an engine that
// meets one can deliver, and publish, without the record.
var (
	// ErrCorrupt: the file is damaged, or is not a database.
	ErrCorrupt = errors.New("the index is damaged, but no file is lost: delete the index.db* files and run `mirrorctl reindex`")

	// ErrFull: there is no room on the disk, or in the user's quota.
	ErrFull = errors.New("there is no room left to write the index: free space on the disk of the state directory, or raise the quota")

	// ErrIO: the operating system failed to read or write.
	ErrIO = errors.New("the disk failed to read or write the index: look into the kernel's log")

	// ErrAccess: the file or its directory may not be opened or written.
	ErrAccess = errors.New("the index cannot be opened for writing: give the state directory and the index.db* files in it to the user or group that the mirror runs as")

	// ErrBusy: others held the database for longer than is reasonable.
	ErrBusy = errors.New("other processes kept the index to themselves for too long: see with `fuser index.db` who they are")

	// ErrNewer: the file was written by a later version of this program.
	ErrNewer = errors.New("the index was written by a newer version of mirror: upgrade this program, or delete the index.db* files and run `mirrorctl reindex`")

	// ErrGap: the change log no longer reaches back to the asked sequence
	// number, or never reached it.
	ErrGap = errors.New("the change log does not hold all changes since then: list all files anew")

	// ErrClosed: Close was called.
	ErrClosed = errors.New("the index is closed")
)

// explain turns an error into a sentence that says which file, what was tried,
// and what to do. SQLite's own words follow in parentheses, except for
// "database is locked", which tells nobody anything.
func explain(path, op string, err error) error {
	if err == nil {
		return nil
	}
	switch kind := kindOf(err); kind {
	case nil:
		return fmt.Errorf("index %s: %s: %w", path, op, err)
	case ErrBusy:
		return fmt.Errorf("index %s: %s: %w", path, op, kind)
	default:
		return fmt.Errorf("index %s: %s: %w (%w)", path, op, kind, err)
	}
}

// kindOf returns which of the kinds above an error of SQLite or of the
// operating system is, nil where it is none.
func kindOf(err error) error {
	// SQLite says "unable to open" or "disk I/O error" for a full or a
	// read-only disk; the kernel's own answer is more to the point.
	var (
		sqlite sqlite3.Error
		errno  syscall.Errno
	)
	if errors.As(err, &sqlite) {
		errno = sqlite.SystemErrno
	} else {
		errors.As(err, &errno)
	}
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return ErrFull
	case syscall.EACCES, syscall.EPERM, syscall.EROFS:
		return ErrAccess
	case syscall.EWOULDBLOCK:
		return ErrBusy
	}
	switch sqlite.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return ErrCorrupt
	case sqlite3.ErrFull:
		return ErrFull
	case sqlite3.ErrIoErr:
		return ErrIO
	case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm:
		return ErrAccess
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol:
		return ErrBusy
	}
	return nil
}

// isBusy reports whether another connection was in the way, so that the same
// call may well succeed a moment later.
func isBusy(err error) bool { return kindOf(err) == ErrBusy }
