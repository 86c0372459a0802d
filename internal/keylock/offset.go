package keylock

import "fmt"

// Every process must agree on what is below, now and in the next version.

const (
	// keyFiles is how many files the keys are spread over.
	keyFiles = 64

	// slotFile is the name of the file of slots.
	slotFile = "slots"

	// bytesOfKey is how many bytes a key has: its own, and those of its notes.
	bytesOfKey = 4
)

// keyFile returns the name of a file of keys.
func keyFile(i int) string { return fmt.Sprintf("%02x", i) }

// Files returns the names of all lock files, always in the same order.
func Files() []string {
	names := []string{slotFile}
	for i := range keyFiles {
		names = append(names, keyFile(i))
	}
	return names
}

// place returns in which file of keys a key is, and its first byte there.
func place(key string) (i int, off int64) {
	h := fnv1a(key)
	return int(h % keyFiles), int64(h&^(3<<62)) &^ (bytesOfKey - 1)
}

// noteOffset returns the byte of a note of the key at off.
func noteOffset(off int64, n Note) int64 {
	if n < 1 || n > MaxNote {
		panic(fmt.Sprintf("there is no note %d", n)) // it would be another key's
	}
	return off + int64(n)
}

// slotOffset returns the first byte of a pool; the low 16 bits are free for
// its slots.
func slotOffset(pool string) int64 { return int64(fnv1a(pool)&^(3<<62)) &^ 0xffff }

// fnv1a is FNV-1a, 64 bit.
func fnv1a(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
