package config

import (
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// duration reads a duration with its unit. Both ends of the range are included.
func (r *resolver) duration(k key, text scalar, byDefault, least, most time.Duration) time.Duration {
	if text == "" {
		return byDefault
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		r.fail(k, `= %q is not a duration: write a number with its unit (ms, s, m, h), such as "20s"`, text)
		return byDefault
	}
	if d < least || d > most {
		r.fail(k, "= %q is out of range: it must be from %s to %s", text, written(least), written(most))
	}
	return d
}

// written returns a duration as one would write it: "1h", not "1h0m0s".
func written(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// count reads a whole number. Both ends of the range are included.
func (r *resolver) count(k key, text scalar, byDefault, least, most int) int {
	if text == "" {
		return byDefault
	}
	n, err := strconv.Atoi(digits(string(text)))
	if err != nil || n < least || n > most {
		r.fail(k, "= %q must be a whole number from %d to %d", text, least, most)
		return byDefault
	}
	return n
}

// digits removes the underscores that TOML allows in a number.
func digits(number string) string { return strings.ReplaceAll(number, "_", "") }

// units holds the units of sizes and what they are in bytes.
var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"B", 1}, // the last, since the others end with it
}

// size reads a number of bytes, with or without a unit.
func (r *resolver) size(k key, text scalar, byDefault int64) int64 {
	if text == "" {
		return byDefault
	}
	n, err := ParseSize(string(text))
	if err != nil {
		r.fail(k, "= %q %s", text, err)
		return byDefault
	}
	return n
}

// ParseSize reads a number of bytes as the configuration has it, with or without a
// unit. The error continues a sentence.
func ParseSize(text string) (int64, error) {
	number, unit := text, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits(number), 10, 64)
	switch {
	case err != nil || n < 0:
		return 0, errors.New(`is not a size: write a whole number of bytes, or one with a unit (kB, MB, GB, TB, KiB, MiB, GiB, TiB), such as "64MiB"`)
	case n > math.MaxInt64/unit || n*unit > maxSizeLimit:
		return 0, errors.New("is more than any disk holds: write 0 for no limit")
	}
	return n * unit, nil
}

func (r *resolver) boolean(k key, text scalar, byDefault bool) bool {
	switch text {
	case "":
		return byDefault
	case "true", "false":
		return text == "true"
	}
	r.fail(k, "= %q must be true or false", text)
	return byDefault
}

// fileMode reads permission bits, which are octal however they are written:
// nobody means the decimal number 660.
func (r *resolver) fileMode(k key, text scalar, byDefault os.FileMode) os.FileMode {
	if text == "" {
		return byDefault
	}
	bits, err := strconv.ParseUint(strings.TrimPrefix(string(text), "0o"), 8, 32)
	if err != nil || bits > uint64(os.ModePerm) {
		r.fail(k, `= %q is not a file mode: write the permission bits in octal, such as "0660"`, text)
		return byDefault
	}
	const write = 0o222
	if bits&write == 0 {
		r.fail(k, `= %q lets nobody connect, which takes the permission to write: write "0660", for instance`, text)
	}
	return os.FileMode(bits)
}

// isPort reports whether a text is the number of a port, and at least least.
func isPort(text string, least uint64) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n >= least
}
