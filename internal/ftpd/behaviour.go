package ftpd

import "mirror/internal/origin"

// Behaviour is what an upstream may do wrong. The zero value does nothing
// wrong.
type Behaviour struct {
	Lacks   []string          // commands answered 502, and not told of by FEAT (MLST: MLSD, too)
	Answers map[string]string // these verbs are answered so, and nothing is done; "": the greeting
	Silent  string            // this verb is never answered
	Hangup  string            // at this verb the connection ends

	PASVHost string // "192,0,2,1": PASV names this host instead of the server's
	PASVPort int    // PASV names this port instead of the server's; 0: the server's

	Denied  []string // these paths exist and cannot be read
	Missing string   // the text of 550; default: that of an honest server

	// Of transfers. Counts of bytes are of the transfer, not offsets in the file.

	Path       string // only of this path; "": of any
	Times      int    // the whole Behaviour ends after this many transfers; 0: never
	CutAfter   int64  // the data connection ends after this many bytes; 0: never
	Whole      bool   // after CutAfter: it says 226 none the less
	Vanish     bool   // after CutAfter: the control connection ends, too
	StallAfter int64  // nothing more after this many bytes; 0: never
	// From the transfer's beginning on the path holds ChangeTo; the transfer
	// carries on with the version that it began.
	ChangeTo *origin.File
	// Listing is what LIST and MLSD send instead of the truth.
	Listing string
}
