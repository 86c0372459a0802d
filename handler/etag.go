package handler

import (
	"fmt"
	"strconv"
	"time"

	"mirror"
)

// ETag is what a web server makes its strong entity tags of. A client that begins
// with our bytes goes on with the web server's once the file is published, so a
// tag of ours is the one that the web server will give the file, or there is none:
// then a client goes on by the date.
//
// lighttpd and Caddy are not here: what theirs are made of differs from one
// version to the next.
type ETag uint8

// The kinds of tags.
const (
	ETagNone   ETag = iota
	ETagNginx       // seconds and size, in hexadecimal
	ETagApache      // FileETag MTime Size: size and microseconds, in hexadecimal
)

// parseETag understands the value of MIRROR_ETAG.
func parseETag(v string) (ETag, error) {
	switch v {
	case "":
		return ETagNone, nil
	case "nginx":
		return ETagNginx, nil
	case "apache":
		return ETagApache, nil
	}
	return ETagNone, fmt.Errorf("MIRROR_ETAG is %q: it has to be nginx, apache or absent", v)
}

// settled is how old a file is whose tag is strong in Apache: it calls those weak
// that are of the last second, or of the future.
const settled = 2 * time.Second

// of returns the entity tag of a file with its quotes, or "".
func (e ETag) of(m mirror.Meta) string {
	if m.ModTime.IsZero() || m.ModTime.Unix() < 0 || m.Size < 0 {
		return ""
	}
	switch {
	case e == ETagNginx:
		return tag(m.ModTime.Unix(), m.Size)
	case e == ETagApache && time.Since(m.ModTime) >= settled:
		return tag(m.Size, m.ModTime.UnixMicro())
	}
	return ""
}

func tag(a, b int64) string {
	t := append(make([]byte, 0, 36), '"') // 16 digits each
	t = strconv.AppendInt(t, a, 16)
	t = append(t, '-')
	t = strconv.AppendInt(t, b, 16)
	return string(append(t, '"'))
}
