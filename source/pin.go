package source

import (
	"fmt"

	"mirror"
)

// offPin says why the bytes from first up to and including last of a file that meta
// describes are not those that Source.Range promises of pin; "": they are.
func offPin(pin, meta mirror.Meta, first, last int64) (why string) {
	switch {
	case pin.Size >= 0 && meta.Size < 0:
		return fmt.Sprintf("does not say how long it is, and had %d bytes", pin.Size)
	case pin.Size >= 0 && meta.Size != pin.Size:
		return fmt.Sprintf("has %d bytes, not %d", meta.Size, pin.Size)
	case !pin.Pinned() && (first > 0 || last != meta.Size-1):
		return "has no validator, so a part of it cannot be relayed"
	case pin.Pinned() && !pin.Continues(meta, true):
		return "is another version than the one being fetched"
	case last >= meta.Size:
		return fmt.Sprintf("has %d bytes, and bytes %d-%d are asked for", meta.Size, first, last)
	}
	return ""
}
