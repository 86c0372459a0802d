package origin

import "time"

// Behaviour is what an upstream may do wrong. The zero value does nothing
// wrong. Fields combine where that makes sense: Chunked with CutAfter is a
// chunked body that ends before its last chunk.
//
// Counts of bytes are bytes of this response's body, not offsets in the file.
type Behaviour struct {
	// Times limits the behaviour to the first n requests it meets; after them
	// the upstream is honest again. 0: for ever.
	Times int

	// Before the header.

	Delay  time.Duration // the header leaves this much later
	Silent bool          // the request is read and never answered
	Reset  bool          // the connection is reset, with no answer

	// Another answer instead of the file.

	Status       int    // this status and a short text; for 204, nothing
	RangeStatus  int    // the same, only for a request with a Range (416)
	RetryAfter   string // Retry-After of Status
	Redirect     string // Location; Status says which redirect, 302 by default
	Portal       bool   // 200 with an HTML page, as a captive portal answers
	HEADRefused  bool   // 405 for HEAD
	ChangeBefore *File  // the path holds this file from this request on

	// A wrong header.

	NoRanges       bool              // 200 with everything, whatever Range asks
	RangeShift     int64             // a 206 says that it starts (and ends) this much later
	TotalShift     int64             // a 206 says that the file is this much longer
	NoLastModified bool              // no Last-Modified, and none compared
	GzipLabel      bool              // Content-Encoding: gzip, although the bytes are the file's
	Header         map[string]string // set last, whatever else was there; "" removes

	// A wrong body.

	Gzip           bool  // Content-Encoding: gzip, and the bytes are compressed
	Chunked        bool  // no Content-Length
	CloseDelimited bool  // no length at all: the end is the connection's end
	CutAfter       int64 // the connection closes after this many bytes; 0: never
	CutAtOnce      bool  // the connection closes right after the header
	StallAfter     int64 // nothing more after this many bytes, until the client leaves; 0: never
	Rate           int64 // bytes a second for each response; 0: no limit

	// ChangeAfter many bytes the path holds ChangeTo. This response carries on
	// with the version that it began, as from a file held open.
	ChangeAfter int64
	ChangeTo    *File
}

// portalPage is what stands between a client and the network in many a hotel.
const portalPage = `<!DOCTYPE html>
<html><head><title>Welcome</title></head>
<body><form action="/login">Please accept the terms.</form></body></html>
`
