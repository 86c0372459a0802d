package source

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime is for how long from now an answer says that the file is current
// (RFC 9111, 4.2.1 and 4.2.3, for a cache that many share): 0 where it does not say,
// less than 0 where it is not current even now.
func lifetime(header http.Header, now time.Time) time.Duration {
	life, ok := cacheControl(header.Values("Cache-Control"))
	if !ok {
		life, ok = expires(header, now)
	}
	if !ok {
		return 0
	}
	// What a cache on the way held it for is gone of it.
	if age, ok := deltaSeconds(header.Get("Age")); ok {
		life -= age
	}
	if life <= 0 {
		return -1
	}
	return life
}

// cacheControl looks for what a shared cache has to go by. What cannot be understood
// is stale, as RFC 9111, 4.2.1 advises.
func cacheControl(lines []string) (life time.Duration, ok bool) {
	shared := false // s-maxage goes before max-age
	for directive := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "no-store":
			return 0, true
		case "no-cache":
			if value == "" { // else it speaks of single fields
				return 0, true
			}
		case "max-age", "s-maxage":
			if shared && name == "max-age" {
				continue
			}
			d, _ := deltaSeconds(strings.Trim(strings.TrimSpace(value), `"`))
			if shared = name == "s-maxage" || shared; !ok || name == "s-maxage" {
				life, ok = d, true // of two of a kind the first counts
			}
		}
	}
	return life, ok
}

// expires is the time from Date to Expires. An Expires that is no date, such as
// "0", lies in the past (RFC 9111, 5.3).
func expires(header http.Header, now time.Time) (life time.Duration, ok bool) {
	text := header.Values("Expires")
	if len(text) == 0 {
		return 0, false
	}
	until, err := http.ParseTime(text[0])
	if err != nil {
		return 0, true
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date // by the clock that has made both
	}
	return until.Sub(now), true
}

// deltaSeconds parses RFC 9111, 1.2.2: what is too large means for ever.
func deltaSeconds(v string) (time.Duration, bool) {
	if v == "" || strings.Trim(v, "0123456789") != "" {
		return 0, false
	}
	s, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		s = math.MaxInt32
	}
	return time.Duration(s) * time.Second, true
}
