package fcgi

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The protocol is a sequence of records in both directions (FastCGI 1.0, section
// 3.3), all numbers big-endian:
//
//	0         1       2             4                6                 7
//	| version | type  | request id  | content length | padding length  | reserved |
//	| content, 0..65535 bytes                                                     |
//	| padding, 0..255 bytes                                                       |
//
// Request id 0 marks a management record, which is about the connection.
const (
	version   = 1
	headerLen = 8
)

// recordType says what a record's content is (section 8).
type recordType uint8

const (
	typeBegin           recordType = 1  // FCGI_BEGIN_REQUEST, see beginBody
	typeAbort           recordType = 2  // FCGI_ABORT_REQUEST, empty
	typeEnd             recordType = 3  // FCGI_END_REQUEST, see appendEnd
	typeParams          recordType = 4  // FCGI_PARAMS, a stream of name-value pairs
	typeStdin           recordType = 5  // FCGI_STDIN, a stream
	typeStdout          recordType = 6  // FCGI_STDOUT, a stream
	typeGetValues       recordType = 9  // FCGI_GET_VALUES, name-value pairs
	typeGetValuesResult recordType = 10 // FCGI_GET_VALUES_RESULT, name-value pairs
	typeUnknown         recordType = 11 // FCGI_UNKNOWN_TYPE, see appendUnknown
)

// header is a record's header without its constant parts.
type header struct {
	kind    recordType
	id      uint16
	content int // length
	padding int // length
}

// readHeader reads the next header from r, using scratch for its bytes. The error
// is io.EOF only between records.
func readHeader(r io.Reader, scratch *[headerLen]byte) (header, error) {
	if _, err := io.ReadFull(r, scratch[:]); err != nil {
		return header{}, err
	}
	if scratch[0] != version {
		return header{}, fmt.Errorf("%w: a record has version %d, and only %d exists", errProtocol,
			scratch[0], version)
	}
	return header{
		kind:    recordType(scratch[1]),
		id:      binary.BigEndian.Uint16(scratch[2:]),
		content: int(binary.BigEndian.Uint16(scratch[4:])),
		padding: int(scratch[6]),
	}, nil
}

// putHeader writes the header of a record without padding into the first
// headerLen bytes of b.
func putHeader(b []byte, kind recordType, id uint16, content int) {
	b[0], b[1] = version, byte(kind)
	binary.BigEndian.PutUint16(b[2:], id)
	binary.BigEndian.PutUint16(b[4:], uint16(content))
	b[6], b[7] = 0, 0
}

// appendHeader appends such a header.
func appendHeader(b []byte, kind recordType, id uint16, content int) []byte {
	b = append(b, make([]byte, headerLen)...)
	putHeader(b[len(b)-headerLen:], kind, id, content)
	return b
}

// beginBody is the content of FCGI_BEGIN_REQUEST (section 5.1):
//
//	0      2       3..7
//	| role | flags | reserved |
type beginBody struct {
	role  uint16
	flags uint8
}

const (
	beginLen      = 8
	roleResponder = 1 // the only role in use; Authorizer and Filter are not served
	flagKeepConn  = 1 // the web server closes the connection, not we
)

func parseBegin(content []byte) (beginBody, error) {
	if len(content) != beginLen {
		return beginBody{}, fmt.Errorf("%w: FCGI_BEGIN_REQUEST has %d bytes of content instead of %d", errProtocol, len(content), beginLen)
	}
	return beginBody{role: binary.BigEndian.Uint16(content), flags: content[2]}, nil
}

// protocolStatus says how a request ended (section 5.5).
type protocolStatus uint8

const (
	requestComplete protocolStatus = 0
	cannotMultiplex protocolStatus = 1 // FCGI_CANT_MPX_CONN
	unknownRole     protocolStatus = 3
)

// appendEnd appends FCGI_END_REQUEST (section 5.5), whose content is
//
//	0            4                 5..7
//	| app status | protocol status | reserved |
//
// The app status is what exit() would have been told.
func appendEnd(b []byte, id uint16, app uint32, status protocolStatus) []byte {
	b = appendHeader(b, typeEnd, id, 8)
	b = binary.BigEndian.AppendUint32(b, app)
	return append(b, byte(status), 0, 0, 0)
}

// appendUnknown appends FCGI_UNKNOWN_TYPE (section 4.2), whose content is
//
//	0      1..7
//	| type | reserved |
func appendUnknown(b []byte, kind recordType) []byte {
	b = appendHeader(b, typeUnknown, 0, 8)
	return append(b, byte(kind), 0, 0, 0, 0, 0, 0, 0)
}
