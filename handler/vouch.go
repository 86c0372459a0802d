package handler

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"mirror/fetch"
)

// vouch says of a file, beside its bytes, how current it is and what it must come to.
func vouch(w http.ResponseWriter, r *http.Request, f *fetch.File) {
	tellAge(w.Header(), f.Fresh)
	tellDigest(w.Header(), r, f.Meta.Size, f.SHA256(r.Context()))
}

// tellAge says for how long nobody has confirmed a mutable file, and warns where that
// is too long.
func tellAge(header http.Header, f fetch.Freshness) {
	if !f.Known {
		return
	}
	header.Set("Age", strconv.FormatInt(int64(f.Age/time.Second), 10))
	if f.Stale {
		warnStale(header)
	}
}

// warnStale says that an answer is older than it should be (RFC 7234, 5.5.1). Warnings
// have gone from RFC 9111, but there is no other header that tells a person with curl.
func warnStale(header http.Header) { header.Set("Warning", `110 - "Response is Stale"`) }

// tellDigest sends the digest of the whole file, which is the same with a part of it
// (RFC 9530, 3.1). An answer that may turn out to be an error is not of the file, so
// it has none.
func tellDigest(header http.Header, r *http.Request, size int64, sha256 []byte) {
	if len(sha256) == 0 || r.Header.Get("If-Match") != "" || r.Header.Get("If-Unmodified-Since") != "" || !satisfiable(r.Header.Get("Range"), size) {
		return
	}
	b := append(make([]byte, 0, 64), "sha-256=:"...)
	b = base64.StdEncoding.AppendEncode(b, sha256)
	set(header, "Repr-Digest", string(append(b, ':')))
}
