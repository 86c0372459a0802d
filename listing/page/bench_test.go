package page

import (
	"bytes"
	"fmt"
	"net/url"
	"testing"
	"time"

	"mirror/listing"
)

// many is how many entries the largest directories of mirrors have.
const many = 100_000

// pages of many entries, in the commonest forms.
var manyPages = map[string]struct {
	head, row, foot string // row: of a name twice, and a size
}{
	"nginx":  {"<html>\n<body>\n<h1>Index of /</h1><hr><pre><a href=\"../\">../</a>\n", "<a href=\"%s\">%s</a>          02-Feb-2022 02:02          %d\n", "</pre><hr></body>\n</html>\n"},
	"apache": {"<html><body><table><tr><th>Name</th><th>Last modified</th><th>Size</th><th>Description</th></tr>\n", `<tr><td><a href="%s">%s</a></td><td align="right">2022-02-02 02:02  </td><td align="right"> %dK</td><td>&nbsp;</td></tr>` + "\n", "</table></body></html>\n"},
	"json":   {"[\n", `{ "name":"%s", "type":"file", "mtime":"Wed, 02 Feb 2022 02:02:02 GMT", "etag":"%s", "size":%d },` + "\n", `{ "name":"last", "type":"file" }` + "\n]\n"},
	"s3":     {"<ListBucketResult><Delimiter>/</Delimiter>", "<Contents><Key>%s</Key><ETag>%s</ETag><LastModified>2026-11-22T07:31:53.858Z</LastModified><Size>%d</Size></Contents>\n", "</ListBucketResult>"},
}

func manyPage(form string, n int) []byte {
	var b bytes.Buffer
	f := manyPages[form]
	b.WriteString(f.head)
	for i := range n {
		name := fmt.Sprintf("libsomething%d_1.2-%d_amd64.deb", i, i%7)
		fmt.Fprintf(&b, f.row, name, name, i)
	}
	b.WriteString(f.foot)
	return b.Bytes()
}

func BenchmarkParse(b *testing.B) {
	base, _ := url.Parse("http://one.example/pool/")
	for form := range manyPages {
		b.Run(form, func(b *testing.B) {
			body := manyPage(form, many)
			in := Input{Base: base, Clock: listing.Clock{Now: time.Unix(1.8e9, 0)}}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				l, err := Parse(body, in)
				if err != nil || len(l.Entries) < many || !l.Ended || l.Unread > 0 {
					b.Fatalf("%d entries, %d unread, ended %t: %v", len(l.Entries), l.Unread, l.Ended, err)
				}
			}
		})
	}
}
