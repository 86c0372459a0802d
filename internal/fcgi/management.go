package fcgi

import (
	"fmt"
	"strconv"
)

// management answers a record about the connection (FastCGI 1.0, section 4).
func (c *conn) management(h header) error {
	content, err := c.content(h)
	if err != nil {
		return err
	}
	if h.kind != typeGetValues {
		return c.write(appendUnknown(nil, h.kind))
	}
	asked, err := parsePairs(string(content))
	if err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	return c.write(valuesResult(asked, c.srv.MaxConns))
}

// valuesResult is FCGI_GET_VALUES_RESULT: those of the asked variables that we
// know. A connection carries one request, so both limits are one.
func valuesResult(asked map[string]string, maxConns int) []byte {
	limit := strconv.Itoa(maxConns)
	known := [...][2]string{
		{"FCGI_MAX_CONNS", limit},
		{"FCGI_MAX_REQS", limit},
		{"FCGI_MPXS_CONNS", "0"},
	}
	record := make([]byte, headerLen)
	for _, pair := range known {
		if _, ok := asked[pair[0]]; ok {
			record = appendPair(record, pair[0], pair[1])
		}
	}
	putHeader(record, typeGetValuesResult, 0, len(record)-headerLen)
	return record
}
