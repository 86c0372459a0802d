package source

import (
	"net/http"
	"time"
)

// settledAfter is how old a file has to be before its modification time, where
// the protocol has no other validator, is believed to tell its version.
//
// The danger is a file that changes twice within the second (in FTP) that its
// time tells: who got the first version would take the second for the same.
// HTTP compares the time with the Date of the same server's clock, and a minute
// is enough (RFC 9110, 8.8.2.2). FTP, rsync and file have no Date: the age is
// by our clock, and the upstream's may be late. Ten minutes cover that of a
// machine that nobody keeps in time; a younger file is fetched as well as any
// other, but for being resumed, relayed or asked for conditionally.
const settledAfter = 10 * time.Minute

// settled returns the text of mirror.Meta's LastModified for a modification
// time that an upstream without a clock told: "" where it is too young, or
// unknown.
func settled(t, now time.Time) string {
	if t.IsZero() || now.Sub(t) < settledAfter {
		return ""
	}
	return t.UTC().Format(http.TimeFormat)
}
