package fcgi

import (
	"encoding/binary"
	"errors"
)

// Name-value pairs (FastCGI 1.0, section 3.4) follow each other without
// separators:
//
//	| name length | value length | name | value |
//
// A length below 128 is one byte. A longer one is four bytes, big-endian, with
// the top bit set.

var errPairs = errors.New("a name-value pair claims more bytes than there are")

// parsePairs takes pairs apart. Of a name that occurs twice the last value
// counts. The strings share the memory of s.
func parsePairs(s string) (map[string]string, error) {
	// A CGI environment has 20 to 40 variables; the map rarely has to grow.
	pairs := make(map[string]string, 32)
	for s != "" {
		var name, value int
		var ok bool
		if name, s, ok = cutLength(s); !ok {
			return nil, errPairs
		}
		if value, s, ok = cutLength(s); !ok {
			return nil, errPairs
		}
		// Two comparisons, since the sum could overflow on 32 bits.
		if name > len(s) || value > len(s)-name {
			return nil, errPairs
		}
		pairs[s[:name]] = s[name : name+value]
		s = s[name+value:]
	}
	return pairs, nil
}

// cutLength takes one length off the front of s.
func cutLength(s string) (n int, rest string, ok bool) {
	switch {
	case s == "":
		return 0, "", false
	case s[0] < 0x80:
		return int(s[0]), s[1:], true
	case len(s) < 4:
		return 0, "", false
	}
	long := uint32(s[0]&0x7f)<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
	return int(long), s[4:], true
}

// appendPair appends one pair.
func appendPair(b []byte, name, value string) []byte {
	b = appendLength(b, len(name))
	b = appendLength(b, len(value))
	b = append(b, name...)
	return append(b, value...)
}

func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return binary.BigEndian.AppendUint32(b, uint32(n)|1<<31)
}
