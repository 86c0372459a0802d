package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"

	"mirror"
)

const (
	// overlap is how far before the end of what we have a resume begins, in
	// bytes: what arrives is compared with what is there before anything is
	// appended, so that two versions are never spliced.
	overlap = 64 << 10

	// compareBuffer is how much is compared at a time, in bytes.
	compareBuffer = 16 << 10
)

// atHand is how many bytes Part has.
func (r *Request) atHand() (int64, error) {
	if r.Part == nil {
		return 0, nil
	}
	fi, err := r.Part.Stat()
	if err != nil {
		return 0, storeError(err)
	}
	return fi.Size(), nil
}

// failFunc makes an error of a source's about a file.
type failFunc func(kind error, format string, args ...any) error

// compare reads the bytes from from up to to and holds them against Part's. It
// needs a buffer of two bytes or more.
func (r *Request) compare(body io.Reader, from, to int64, buffer []byte, fail failFunc) error {
	half := min(len(buffer)/2, compareBuffer)
	for from < to {
		n := int(min(int64(half), to-from))
		theirs, ours := buffer[:n], buffer[half:half+n]
		if _, err := io.ReadFull(body, theirs); err != nil {
			return early(err)
		}
		if _, err := r.Part.ReadAt(ours, from); err != nil {
			return fmt.Errorf("%w: reading back the partial file: %w", mirror.ErrStore, err)
		}
		if !bytes.Equal(theirs, ours) {
			return fail(mirror.ErrChanged, "differs from the bytes at hand near byte %d", from)
		}
		from += int64(n)
	}
	return nil
}

// early makes the end of the connection an error where more was due.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// storeError is an error of the disk's.
func storeError(err error) error {
	if noSpace(err) {
		return fmt.Errorf("%w: %w", mirror.ErrNoSpace, err)
	}
	return fmt.Errorf("%w: %w", mirror.ErrStore, err)
}

// noSpace: the disk is full, or what the process may have of it, or of a file.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
