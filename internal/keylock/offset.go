package keylock

import "fmt"

// slotBase is where the slots' half of the offset space begins.
const slotBase = int64(1) << 62

// bytesOfKey is how many bytes a key has: its own, and those of its notes.
const bytesOfKey = 4

// keyOffset returns the first byte of key. Every process must agree on it, now and
// in the next version: FNV-1a, 64 bit.
func keyOffset(key string) int64 { return int64(fnv1a(key)&^(3<<62)) &^ (bytesOfKey - 1) }

// noteOffset returns the byte of a note of key.
func noteOffset(key string, n Note) int64 {
	if n < 1 || n > MaxNote {
		panic(fmt.Sprintf("there is no note %d", n)) // it would be another key's
	}
	return keyOffset(key) + int64(n)
}

// slotOffset returns the first byte of a pool; the low 16 bits are free for
// its slots.
func slotOffset(pool string) int64 {
	return slotBase | int64(fnv1a(pool)&^(3<<62))&^0xffff
}

func fnv1a(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
