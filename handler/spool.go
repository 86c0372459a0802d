package handler

import (
	"io"
	"os"

	"mirror/fetch"
)

// spoolMemory is how many bytes of a page are kept in memory; longer ones go to a
// file, so that clients which read slowly cost no more than a descriptor.
const spoolMemory = 256 << 10

// spool is a page that is written before it is sent: so its length is known, and
// what it was made of can go. Close it.
type spool struct {
	engine *fetch.Engine
	buf    []byte
	file   *os.File // nil: all of it is in buf
	size   int64
}

func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.buf)+len(p) <= spoolMemory {
		s.buf = append(s.buf, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	if s.file == nil {
		var err error
		if s.file, err = s.engine.Scratch(); err != nil {
			return 0, err
		}
		if _, err := s.file.Write(s.buf); err != nil {
			return 0, err
		}
		s.buf = nil
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

// send copies the page to w.
func (s *spool) send(w io.Writer) error {
	if s.file == nil {
		_, err := w.Write(s.buf)
		return err
	}
	_, err := io.Copy(w, io.NewSectionReader(s.file, 0, s.size))
	return err
}

func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
