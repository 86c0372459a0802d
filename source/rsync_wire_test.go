package source

import (
	"bufio"
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func readerOf(frames []byte) *rsyncReader {
	return newRsyncReader(bufio.NewReader(bytes.NewReader(frames)), func(byte, []byte) error { return nil })
}

// TestRsyncNumbers are numbers as rsync 3.5 writes them.
func TestRsyncNumbers(t *testing.T) {
	for wire, want := range map[string]int{
		"\x00": 0, "\x7f": 127, "\x80\x80": 128, "\xbf\xff": 16383, "\xc0\x00\x40": 16384, "\xe1\x00\x00\x00": 1 << 24,
		"\xf0\xff\xff\xff\x7f": 1<<31 - 1, "\xf0\xff\xff\xff\xff": -1,
	} {
		if got := readerOf((&said{}).data(wire).Bytes()).varint(); got != want {
			t.Errorf("% x is %d, want %d", wire, got, want)
		}
	}
	for wire, want := range map[string]int64{
		"\x00\x00\x00": 0, "\x01\x34\x12": 0x11234, "\x80\x34\x12\x80": 0x801234, "\xf8\x01\x02\x03\x04\x05\x06\x07": 0x07060504030201,
		"\xfc\x01\x02\x03\x04\x05\x06\x07\x08": 0x0807060504030201,
	} {
		if got := readerOf((&said{}).data(wire).Bytes()).varlong(3); got != want {
			t.Errorf("% x is %#x, want %#x", wire, got, want)
		}
	}
	for _, wire := range []string{"\xf8\x00\x00\x00\x00\x00", "\xff\x00\x00\x00\x00\x00\x00"} {
		if r := readerOf((&said{}).data(wire).Bytes()); r.varint() != 0 || !errors.Is(r.err, errFrame) {
			t.Errorf("% x is no error", wire)
		}
	}
}

// TestRsyncOrder: files, then directories, each by their bytes, with the slash.
func TestRsyncOrder(t *testing.T) {
	sorted := strings.Fields(". B a a! z a!/ a!/z a-/ a-/1 a-/b/ a/ a/0 a/b a/a-/ a/a/ a/a/a ü/")
	var list []rsyncEntry
	for _, name := range sorted {
		e := rsyncEntry{name: strings.TrimSuffix(name, "/"), mode: modeRegular}
		if strings.HasSuffix(name, "/") || name == "." {
			e.mode = modeDir
		}
		list = append(list, e)
	}
	want := slices.Clone(list)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		if sortList(list); !slices.Equal(list, want) {
			t.Fatalf("sorted: %v", list)
		}
	}
}
