package repo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines are the lines of a text, without their ends, of a bounded length.
type lines struct {
	*bufio.Scanner
}

func linesOf(r io.Reader) lines {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, buffer), maxLine)
	return lines{s}
}

// err is what ended the lines, or nil.
func (l lines) err() error {
	err := l.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("a line is longer than %d bytes", maxLine)
	}
	return err
}

// whole reads a text that is needed as a whole.
func whole(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxWhole+1))
	if len(text) > maxWhole {
		err = fmt.Errorf("it is larger than %d MiB", maxWhole>>20)
	}
	return text, err
}

// number reads digits, or returns -1.
func number[S string | []byte](digits S) int64 {
	n := int64(0)
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' || n >= 1<<59 {
			return -1
		}
		n = 10*n + int64(c-'0')
	}
	if len(digits) == 0 {
		return -1
	}
	return n
}

// word cuts the first word off a line: bytes up to a space or tab.
func word(line []byte) (first, rest []byte) {
	line = bytes.TrimLeft(line, " \t")
	end := bytes.IndexAny(line, " \t")
	if end < 0 {
		return line, nil
	}
	return line[:end], line[end:]
}

var (
	signedBegin    = []byte("-----BEGIN PGP SIGNED MESSAGE-----")
	signatureBegin = []byte("-----BEGIN PGP SIGNATURE-----")
	signatureEnd   = []byte("-----END PGP SIGNATURE-----")
)

// errOutside refuses what reads as if it had been signed, and was not
// (CVE-2013-1051 of apt).
var errOutside = errors.New("it has text outside of what was signed")

// ErrUnsigned is that of a text that has no signature in it.
var ErrUnsigned = errors.New("it is not signed inline")

// clearsigned takes a clearsigned text apart (RFC 9580, 7). Body has its lines
// without the dashes that escape them, signature its armour:
//
//	-----BEGIN PGP SIGNED MESSAGE-----
//	Hash: SHA256
//
//	text, where "- -" is "-"
//	-----BEGIN PGP SIGNATURE-----
//	...
//	-----END PGP SIGNATURE-----
//
// Nothing else may be in it, and no header but Hash: what others read of such a
// text is then the same. Who signed it is for Keyring.Inline to tell.
func clearsigned(text []byte) (body, signature []byte, err error) {
	text = bytes.TrimLeft(text, "\r\n")
	line, rest := cutLine(text)
	if !bytes.Equal(line, signedBegin) {
		if bytes.Contains(text, signedBegin) {
			return nil, nil, errOutside
		}
		return nil, nil, ErrUnsigned
	}
	for {
		if len(rest) == 0 {
			return nil, nil, errors.New("the signed text ends in its headers")
		}
		if line, rest = cutLine(rest); len(line) == 0 {
			break
		}
		if !bytes.HasPrefix(line, []byte("Hash: ")) {
			return nil, nil, fmt.Errorf("the signed text has the header %.60q, and may have Hash only", line)
		}
	}
	body = make([]byte, 0, len(rest))
	for {
		if len(rest) == 0 {
			return nil, nil, errors.New("the signed text ends without a signature")
		}
		before := rest
		line, rest = cutLine(rest)
		if bytes.Equal(line, signatureBegin) {
			signature = before
			break
		}
		if escaped, ok := bytes.CutPrefix(line, []byte("- ")); ok {
			line = escaped
		} else if bytes.HasPrefix(line, []byte("-")) {
			return nil, nil, errors.New("a line of the signed text begins with a dash that is not escaped")
		}
		body = append(append(body, line...), '\n')
	}
	end := bytes.Index(signature, signatureEnd)
	if end < 0 {
		return nil, nil, errors.New("the signature has no end")
	}
	end += len(signatureEnd)
	if len(bytes.TrimSpace(signature[end:])) > 0 {
		return nil, nil, errOutside
	}
	return body, signature[:end], nil
}

// cutLine cuts off a line, without its end and the blanks before it: those are
// no part of what is signed.
func cutLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte{'\n'})
	return bytes.TrimRight(line, " \t\r"), rest
}
