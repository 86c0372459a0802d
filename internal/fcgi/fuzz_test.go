package fcgi

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPairs(t *testing.T) {
	long := strings.Repeat("v", 70000)
	for name, test := range map[string]struct {
		in   string
		want map[string]string // nil: an error
	}{
		"none":               {"", map[string]string{}},
		"short":              {"\x01\x02abc", map[string]string{"a": "bc"}},
		"empty value":        {"\x01\x00a", map[string]string{"a": ""}},
		"empty name":         {"\x00\x01a", map[string]string{"": "a"}},
		"two":                {"\x01\x01ab\x01\x01cd", map[string]string{"a": "b", "c": "d"}},
		"last one wins":      {"\x01\x01ab\x01\x01ac", map[string]string{"a": "c"}},
		"127":                {"\x01\x7fa" + long[:127], map[string]string{"a": long[:127]}},
		"128":                {"\x01\x80\x00\x00\x80a" + long[:128], map[string]string{"a": long[:128]}},
		"four bytes for one": {"\x80\x00\x00\x01\x01ab", map[string]string{"a": "b"}},
		"70000":              {"\x01\x80\x01\x11\x70a" + long, map[string]string{"a": long}},
		"no value length":    {"\x01", nil},
		"short value":        {"\x01\x02ab", nil},
		"short name":         {"\x03\x00ab", nil},
		"short long length":  {"\x80\x00\x00", nil},
		"largest lengths":    {"\xff\xff\xff\xff\xff\xff\xff\xffab", nil},
	} {
		got, err := parsePairs(test.in)
		if (err != nil) != (test.want == nil) || test.want != nil && !maps.Equal(got, test.want) {
			t.Errorf("%s: got %.60v, %v", name, got, err)
		}
	}
}

// FuzzPairs checks that what parses survives being written and parsed again.
func FuzzPairs(f *testing.F) {
	f.Add("")
	f.Add("\x0b\x01REQUEST_URI/")
	f.Add("\x01\x80\x00\x00\x80a" + strings.Repeat("v", 128))
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, s string) {
		pairs, err := parsePairs(s)
		if err != nil {
			return
		}
		var b []byte
		for name, value := range pairs {
			b = appendPair(b, name, value)
		}
		again, err := parsePairs(string(b))
		if err != nil || !maps.Equal(pairs, again) {
			t.Errorf("%q became %q, %v", pairs, again, err)
		}
	})
}

// oneConn is a connection whose peer says a fixed text and takes every answer.
type oneConn struct {
	io.Reader
	out bytes.Buffer
}

func (c *oneConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *oneConn) Close() error                     { return nil }
func (c *oneConn) LocalAddr() net.Addr              { return nil }
func (c *oneConn) RemoteAddr() net.Addr             { return nil }
func (c *oneConn) SetDeadline(time.Time) error      { return nil }
func (c *oneConn) SetReadDeadline(time.Time) error  { return nil }
func (c *oneConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzConn lets a peer say anything. Whatever it is, the connection must end when
// the peer has, and all that it answered must be whole records.
func FuzzConn(f *testing.F) {
	params := appendPair(appendPair(nil, "REQUEST_METHOD", "GET"), "REQUEST_URI", "/")
	record := func(kind recordType, id uint16, content string) []byte {
		return append(appendHeader(nil, kind, id, len(content)), content...)
	}
	begin := record(typeBegin, 1, "\x00\x01\x01\x00\x00\x00\x00\x00")
	whole := join(begin, record(typeParams, 1, string(params)), record(typeParams, 1, ""), record(typeStdin, 1, ""))
	f.Add([]byte{})
	f.Add(whole)
	f.Add(join(whole, whole))
	f.Add(join(begin, begin))
	f.Add(join(begin, record(typeAbort, 1, ""), whole))
	f.Add(join(record(typeGetValues, 0, "\x0f\x00FCGI_MPXS_CONNS"), record(99, 0, "?")))
	f.Add(join(begin, record(typeParams, 1, "\xff"), record(typeParams, 1, "")))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := &Server{Log: slog.New(slog.DiscardHandler), Handler: func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
			io.WriteString(w, r.RequestURI)
		}}
		s.init()
		nc := &oneConn{Reader: bytes.NewReader(said)}
		newConn(s, nc).serve()
		for r := bytes.NewReader(nc.out.Bytes()); ; {
			var scratch [headerLen]byte
			h, err := readHeader(r, &scratch)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("the answer is no sequence of records: %v", err)
			}
			if n, _ := io.CopyN(io.Discard, r, int64(h.content+h.padding)); int(n) != h.content+h.padding {
				t.Fatal("the answer's last record is cut")
			}
		}
	})
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
