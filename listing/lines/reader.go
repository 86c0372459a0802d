package lines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	// maxLine is the longest line that is read: the longest path of Linux
	// (4 KiB), a target as long, and every byte of both escaped.
	maxLine = 64 << 10
	// sampleSize is how much of a listing is looked at before it is read:
	// several hundred lines, in well under a millisecond a dialect.
	sampleSize = 32 << 10
)

// ErrTooLarge: the listing is larger than its reader was told to bear.
var ErrTooLarge = errors.New("the listing is too large")

// reader cuts a stream into lines.
type reader struct {
	buf  *bufio.Reader
	crlf bool // lines end with CR LF; otherwise a CR belongs to the name
	// whole: the last line that was read ended with its newline. A listing
	// whose last line does not was cut.
	whole bool
}

func newReader(r io.Reader, maxBytes int64) *reader {
	l := &reader{buf: bufio.NewReaderSize(&bounded{r, maxBytes, maxBytes}, maxLine), whole: true}
	sample := l.peek()
	l.crlf = 2*bytes.Count(sample, []byte("\r\n")) >= max(1, bytes.Count(sample, []byte{'\n'}))
	return l
}

// peek returns the beginning of what is still to be read.
func (l *reader) peek() []byte {
	sample, _ := l.buf.Peek(sampleSize) // an error comes again when it is read
	return sample
}

// sample returns the lines of the listing's beginning, but for one that the
// end of the sample cuts.
func (l *reader) sample() [][]byte {
	sample := bytes.Clone(l.peek())
	lines := bytes.Split(sample, []byte{'\n'})
	if last := len(lines) - 1; last > 0 && len(sample) == sampleSize {
		lines = lines[:last]
	}
	for i := range lines {
		lines[i] = l.trim(lines[i])
	}
	return lines
}

// next returns the next line without its end; it is valid until the call after.
// A line that is longer than maxLine comes cut, with ok false.
func (l *reader) next() (line []byte, ok bool, err error) {
	line, err = l.buf.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line = bytes.Clone(line[:maxUnread])
		for err == bufio.ErrBufferFull {
			_, err = l.buf.ReadSlice('\n')
		}
		l.whole = err == nil
		if err == io.EOF {
			err = nil
		}
		return line, false, err
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return nil, false, err
	}
	l.whole = err == nil
	if l.whole {
		line = line[:len(line)-1]
	}
	return l.trim(line), true, nil
}

// trim takes the CR of a CR LF away.
func (l *reader) trim(line []byte) []byte {
	if l.crlf {
		line = bytes.TrimSuffix(line, []byte{'\r'})
	}
	return line
}

// bounded ends in ErrTooLarge instead of going on forever.
type bounded struct {
	r         io.Reader
	left, max int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: more than %d MiB", ErrTooLarge, b.max>>20)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
