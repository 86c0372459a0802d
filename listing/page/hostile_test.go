package page

import (
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror/listing"
)

var onePub, _ = url.Parse("http://one.example/pub/")

// TestNoListing: what is no listing is an error that says why.
func TestNoListing(t *testing.T) {
	for _, c := range []struct{ body, contentType, want string }{
		{"", "", "empty"},
		{" \n", "text/html", "empty"},
		{"\x1f\x8b\x08\x00", "text/html", `begins with "\x1f\x8b\b\x00"`},
		{"Not Found", "text/plain", `begins with "Not Found"`},
		{"Not Found", "application/json", "sent as application/json"},
		{`<html><head><title>Sign in</title></head><body><form><a href="/login">Sign in</a></form></body></html>`, "text/html", `"Sign in"`},
		{`<?xml version="1.0"?><Error><Code>NoSuchBucket</Code></Error>`, "application/xml", `"error"`},
		{`<?xml version="1.0"?><list2><file>a</file></list2>`, "", `"list2"`},
		{`{"error":"not found"}`, "application/json", "no array of entries"},
		{`{"error":`, "application/json", "not well-formed"},
		{`"x"`, "application/json", "sent as"},
	} {
		l, err := Parse([]byte(c.body), Input{Base: onePub, ContentType: c.contentType})
		if err == nil {
			t.Errorf("%q is %+v", c.body, l)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.body, err, c.want)
		}
	}
	if _, err := Parse([]byte("x"), Input{As: "ftp"}); err == nil {
		t.Error("there is no ftp page")
	}
}

// TestEmpty: the listing of an empty directory is one.
func TestEmpty(t *testing.T) {
	for _, body := range []string{
		"<pre>\n</pre>\n",
		"<html><head><title>Directory listing for /pub/</title></head><body><hr><ul>\n</ul></body></html>",
		"<html><body><table><tr><th>名前</th><th>サイズ</th><th>最終更新</th></tr></table></body></html>",
		`<?xml version="1.0"?><list></list>`, "<list/>",
		"<ListBucketResult><Delimiter>/</Delimiter></ListBucketResult>",
	} {
		l, err := Parse([]byte(body), Input{Base: onePub})
		if err != nil || len(l.Entries) > 0 {
			t.Errorf("%q: %d entries, %v", body, len(l.Entries), err)
		} else if !l.Ended && body[:2] != "<p" {
			t.Errorf("%q did not end", body)
		}
	}
}

// unproven are pages whose listings, whole as they are, do not prove that what they
// lack is not there: they show no more than names, or nothing at all.
var unproven = map[string]bool{
	"caddy26-json--empty": true, "nginx-json--empty": true, "fix-odd-79a": true, "fix-pypi-simple-devpi": true, // of TestCorpus

	"a table with several names in a row": true, "downloads with a query": true, // of TestFamilies
	"a slash in the text": true, "a listing for those without scripts": true,
}

// TestUnproven: what may be a page of another kind, or what a server shows that has
// lost its data, proves nothing.
func TestUnproven(t *testing.T) {
	for name, body := range map[string]string{
		"maintenance":     `<html><head><title>Down for maintenance</title></head><body><h1>We are back soon</h1><p>See <a href="status.html">our status</a>.</p></body></html>`,
		"login":           `<html><head><title>Log in</title></head><body><form action="login"><input name=u></form><a href="register">Register</a> <a href="help">Help</a></body></html>`,
		"a way back":      `<html><head><title>Oops</title></head><body><p>Something broke. <a href="../">Back</a></p></body></html>`,
		"a way home":      `<html><head><title>Mirror</title></head><body><a href="/">Home</a><p>Something broke.</p></body></html>`,
		"a menu":          `<html><head><title>Welcome</title></head><body><ul><li><a href="/">Home</a></li><li><a href="about.html">about.html</a></li></ul></body></html>`,
		"a bare way up":   `<html><body><h1>Verzeichnis</h1><ul><li><a href="/">..</a></li></ul></body></html>`,
		"an empty list":   `<html><body><ul></ul></body></html>`,
		"no more than":    `<html><head><title>Index of /</title></head><body><p>Error reading directory</p></body></html>`,
		"an empty array":  "[]",
		"with white":      "[\n]",
		"an empty member": `{"files":[]}`,
		"a cut bucket":    `<?xml version="1.0"?><ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated></ListBucketResult>`,
	} {
		if l, err := Parse([]byte(body), Input{Base: onePub}); err == nil && l.Ended {
			t.Errorf("%s: %d entries prove that there are no others", name, len(l.Entries))
		}
	}
}

// TestCut: a page that breaks off anywhere has only entries of the whole one,
// and did not end.
func TestCut(t *testing.T) {
	for name, end := range map[string]string{
		"apache-fancy--pub": "</pre>", "apache-fancy-html--pub": "</table>", "nginx--pub": "</pre>", "lighttpd--pub": "</tbody>",
		"caddy29--pub": "</main>", "fix-hd-oldbsd-1": "</table>", "fix-hd-debian-snt": "</main>", "nginx-json--pub": "\n]",
		"caddy26-json--pub": "}]", "nginx-xml--pub": "</list", "s3-root-delim": "</ListBucketResult",
	} {
		tr, body := readTruth(t, "testdata/pages/"+name+".json")
		whole, err := Parse(body, tr.input(t))
		if err != nil {
			t.Fatal(err)
		}
		names := make(map[string]bool)
		for _, e := range whole.Entries {
			names[e.Name] = true
		}
		for at := 0; at < strings.LastIndex(string(body), end); at += 1 + at/50 {
			l, err := Parse(body[:at], tr.input(t))
			if err != nil {
				continue
			}
			if l.Ended {
				t.Errorf("%s ended at byte %d of %d", name, at, len(body))
			}
			for _, e := range l.Entries[:max(0, len(l.Entries)-1)] { // the last may be cut
				if !names[e.Name] {
					t.Errorf("%s up to byte %d has %q", name, at, e.Name)
				}
			}
		}
	}
}

// TestHostile: what is made to do harm gives no name that could.
func TestHostile(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{`<pre><a href="..%2f..%2fetc%2fpasswd">x</a> <a href="%2e%2e/">y</a>
<a href="a%00b">z</a>
<a href="ok">ok</a>
</pre>`, "ok"},
		{`[{"name":"../x","type":"file"},{"name":"/etc/passwd"},{"name":".."},{"name":"."},{"name":""},{"name":"a\u0000b"},{"name":"ok"}]`, "ok"},
		{`<list><file size="1">../x</file><file>a/b</file><directory>..</directory><file>ok</file></list>`, "ok"},
		{`<ListBucketResult><Contents><Key>../../x</Key></Contents><Contents><Key>/etc/passwd</Key></Contents><Contents><Key>a/./b</Key></Contents><Contents><Key>a/b</Key></Contents></ListBucketResult>`, "a/b"},
		{`<ListBucketResult><Delimiter>/</Delimiter><Contents><Key>a/b</Key></Contents><Contents><Key>..</Key></Contents><CommonPrefixes><Prefix>../</Prefix></CommonPrefixes><Contents><Key>ok</Key></Contents></ListBucketResult>`, "ok"},
		{`<ListBucketResult><Prefix>p/</Prefix><Delimiter>/</Delimiter><Contents><Key>q/x</Key></Contents><Contents><Key>p/ok</Key></Contents></ListBucketResult>`, "ok"},
		{`[{"name":"a"b","type":"file"},` + "\n" + `{"name":"ok"},{"name":}, {"name":"ok2"}]`, "ok ok2"},
	} {
		l, err := Parse([]byte(c.page), Input{Base: onePub})
		if err != nil {
			t.Errorf("%s: %v", c.page, err)
			continue
		}
		var names []string
		for _, e := range l.Entries {
			names = append(names, e.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s has %q", c.page, got)
		}
		if l.Unread == 0 || l.FirstUnread == "" {
			t.Errorf("%s: nothing is unread", c.page)
		}
	}
}

// TestLarge: no page takes more work, or more memory, than in proportion. What
// takes the square of its length would take a minute at this one. The work is the time
// that this process had a processor: how long it waits for one is up to others.
func TestLarge(t *testing.T) {
	const size = 256 << 10
	longLink := "<a href=\"" + strings.Repeat("é", size) + "\">"
	for _, unit := range []string{
		"<", "<a href=", "<a href=x>", "<a href=x>y</a> ", "<table>", "<tr>", "<td>", "<table><tr><td>", "<ul><li>", "<div>", "</div>", "<pre>\n", "<p>", "<br>",
		"<b>x</b>", "<a href=\"x\"><b>y</b>", "x ", "1 ", "1,", "May ", "17-", "&amp;", "<!--", "<script>", "<svg>", "<title>", "-> ", "<td data-size=1>", "<img alt=dir>",
		"<div>1K</div>", "<td>1K</td>", "<a x=1 x=2 ", "a/", "../", "%2e/", "[", "{", `{"a":`, `[{"name":"x"},`, `"\u`, "\\", "<file>", "<Contents><Key>x</Key></Contents>", "&#x;",
	} {
		for _, head := range []string{"<html><body>", "<pre>", "<table><tr><td>", "<ul><li>", "<pre><a href=\"", longLink, "[", "<list>", "<?xml?>"} {
			body := []byte(head + strings.Repeat(unit, size/len(unit)))
			before := worked(t)
			Parse(body, Input{Base: onePub})
			if took := worked(t) - before; took > 2*time.Second {
				t.Errorf("%d bytes of %q in %.20q took %v", len(body), unit, head, took)
			}
		}
	}
	var before, after runtime.MemStats
	body := manyPage("apache", many)
	runtime.ReadMemStats(&before)
	l, err := Parse(body, Input{Base: onePub})
	runtime.ReadMemStats(&after)
	if err != nil || len(l.Entries) != many {
		t.Fatalf("%d entries, %v", len(l.Entries), err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 10*uint64(len(body)) {
		t.Errorf("a page of %d MiB took %d MiB", len(body)>>20, used>>20)
	}
}

// worked is for how long this process has had a processor.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestTwice: of a name that comes twice, what is better known holds.
func TestTwice(t *testing.T) {
	l, err := Parse([]byte(`<html><body><p>Get <a href="a.txt">the text</a>.</p><pre>
<a href="a.txt">a.txt</a>  2024-05-17 13:24  1.2K
<a href="a.txt">a.txt</a>  2025-05-17 13:24  5.2K
<a href="b.txt">b.txt</a>  2024-05-17 13:24  1.2K
</pre></body></html>`), Input{Base: onePub, Clock: listing.Clock{Zone: time.UTC}})
	if err != nil {
		t.Fatal(err)
	}
	want := "a.txt file 1126-1332 2024-05-17T13:24:00+59s\nb.txt file 1126-1332 2024-05-17T13:24:00+59s\n"
	if got := showAll(l); got != want || l.Unread > 0 {
		t.Errorf("got %s, %d unread", got, l.Unread)
	}
}

// TestNoSlash: the address of a directory may lack its slash, as long as the
// links do not depend on it.
func TestNoSlash(t *testing.T) {
	base, _ := url.Parse("http://one.example/pub")
	for page, want := range map[string]int{
		`<html><ul><li><a href="/pub/a.txt">a.txt</a></li></ul></html>`: 1,
		`<html><ul><li><a href="a.txt">a.txt</a></li></ul></html>`:      1,
		`<html><ul><li><a href="/x/a.txt">a.txt</a></li></ul></html>`:   0,
	} {
		if l, _ := Parse([]byte(page), Input{Base: base}); len(l.Entries) != want {
			t.Errorf("%s has %d entries", page, len(l.Entries))
		}
	}
}

// TestProse: sentences about a directory are none of its entries, but nobody
// may take the listing for complete.
func TestProse(t *testing.T) {
	l, err := Parse([]byte(`<html><body><p>Read <a href="notes.html">these notes</a> first; see <a href="old/">old/</a>.</p><pre>
<a href="a.txt">a.txt</a>  2024-05-17 13:24  1.2K  needs <a href="b.txt">b.txt</a>
</pre></body></html>`), Input{Base: onePub})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Entries) != 1 || l.Unread != 2 || l.FirstUnread != "notes.html" {
		t.Errorf("%d entries, %d unread, first %q", len(l.Entries), l.Unread, l.FirstUnread)
	}
}

// TestContinue asks for the rest of a list in the way it was asked for.
func TestContinue(t *testing.T) {
	for _, c := range []struct{ base, want string }{
		{"http://one.example/b/?list-type=2&prefix=p/", "http://one.example/b/?continuation-token=x%3D%2F&list-type=2&prefix=p%2F"},
		{"http://one.example/b/?delimiter=/", "http://one.example/b/?delimiter=%2F&marker=x%3D%2F"},
	} {
		base, _ := url.Parse(c.base)
		if got := Continue(base, "x=/").String(); got != c.want {
			t.Errorf("%s goes on at %s", c.base, got)
		}
	}
}

// TestStores reads lists of object stores.
func TestStores(t *testing.T) {
	for _, c := range []struct{ page, format, next, want string }{
		{`<ListBucketResult><Prefix>p/a</Prefix><Delimiter>/</Delimiter><IsTruncated>true</IsTruncated><NextMarker>p/ad/</NextMarker>
<Contents><Key>p/a.txt</Key><LastModified>2024-05-17T13:24:56.000Z</LastModified><Size>1234</Size></Contents>
<CommonPrefixes><Prefix>p/ad/</Prefix></CommonPrefixes></ListBucketResult>`, "s3", "p/ad/", "a.txt file 1234 2024-05-17T13:24:56\nad dir - -\n"},
		{`<ListBucketResult><Prefix>p/</Prefix><IsTruncated>true</IsTruncated><Contents><Key>p/</Key></Contents><Contents><Key>p/a/b.txt</Key><Size>1</Size></Contents></ListBucketResult>`, FormatKeys, "p/a/b.txt", "a/b.txt file 1 -\n"},
		{`<ListBucketResult><EncodingType>url</EncodingType><Delimiter>/</Delimiter><Contents><Key>a+b%2B%25.txt</Key></Contents></ListBucketResult>`, "s3", "", "a b+%.txt file - -\n"},
		{`<?xml version="1.0"?><s3:ListBucketResult xmlns:s3="x"><s3:Delimiter>/</s3:Delimiter><s3:Contents><s3:Key><![CDATA[a&b]]></s3:Key></s3:Contents></s3:ListBucketResult>`, "s3", "", "a&b file - -\n"},
		{`[{"name":"a.txt","bytes":1234,"last_modified":"2024-05-17T13:24:56.000000","content_type":"text/plain"},{"subdir":"d/"}]`, "json", "", "a.txt file 1234 2024-05-17T13:24:56\nd dir - -\n"},
	} {
		l, err := Parse([]byte(c.page), Input{Base: onePub, Clock: listing.Clock{Zone: time.UTC}})
		if err != nil {
			t.Errorf("%s: %v", c.page, err)
			continue
		}
		if got := showAll(l); got != c.want || l.Format != c.format || l.Next != c.next || !l.Ended {
			t.Errorf("%s is %s, goes on at %q, ended %t:\n%s", c.page, l.Format, l.Next, l.Ended, got)
		}
	}
}

// TestJSON reads what servers make of JSON.
func TestJSON(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{`{"repo":"r","path":"/pub","created":"x","children":[{"uri":"/d","folder":true},{"uri":"/a.txt","folder":false}]}`, "d dir - -\na.txt file - -\n"},
		{`{"meta":{"api-version":"1.0"},"projects":[{"name":"a"},{"name":"b"}]}`, "a dir - -\nb dir - -\n"},
		{`{"name":"a","files":[{"filename":"a-1.tar.gz","url":"a-1.tar.gz","hashes":{"sha256":"0"},"size":1234,"upload-time":"2024-05-17T13:24:56.5Z"},{"filename":"b","url":"https://files.example/b"}],"versions":["1"]}`, "a-1.tar.gz file 1234 2024-05-17T13:24:56\n"},
		{`[{"Path":"a.txt","Name":"a.txt","Size":1234,"ModTime":"2024-05-17T13:24:56.123+02:00","IsDir":false}]`, "a.txt file 1234 2024-05-17T11:24:56\n"},
		{`{"href":"/pub","paths":[{"path_type":"Dir","name":"d","mtime":1715952296000,"size":4096},{"path_type":"File","name":"a.txt","mtime":1715952296000,"size":1234}]}`, "d dir - 2024-05-17T13:24:56\na.txt file 1234 2024-05-17T13:24:56\n"},
		{`["a.txt","d/"]`, "a.txt unknown - -\nd dir - -\n"},
		{`[{"name":"a.txt","type":"file","size":"1.2 KB","mtime":1715952296}]`, "a.txt file 1126-1332 2024-05-17T13:24:56\n"},
		{`[{"name":"l","type":"symlink","target":"a.txt"},{"name":"p","type":"other"},{"name":"\ud83d\ude00\u00e9\"\\"}]`, "l symlink - - -> a.txt\np other - -\n😀é\"\\ unknown - -\n"},
		{`[{"name_b64":"bGF0aW4x6Q==","type":"file","size_lo":1,"size_hi":9,"mtime_lo":1715952240,"mtime_hi":1715952299,"mode":"0644"},{"name":"l","type":"other","symlink":true,"target_b64":"6Q=="}]`, "latin1\xe9 file 1-9 2024-05-17T13:24:00+59s 0644\nl symlink - - -> \xe9\n"},
		{`[{"name":"d","type":"directory","children":[{"name":"inner","type":"file"}]}]`, "d dir - -\n"},
	} {
		l, err := Parse([]byte(c.page), Input{Base: onePub, Clock: listing.Clock{Zone: time.UTC}})
		if err != nil {
			t.Errorf("%s: %v", c.page, err)
			continue
		}
		if got := showAll(l); got != c.want || !l.Ended {
			t.Errorf("%s is, ended %t:\n%s", c.page, l.Ended, got)
		}
	}
	more := `{"items":[{"name":"a"}],"nextPageToken":"x"}`
	if l, err := Parse([]byte(more), Input{}); err != nil || l.Ended {
		t.Errorf("a list that goes on elsewhere: %v, ended %t", err, l.Ended)
	}
}

// TestTooManyEntries: what is too much for memory is not read, and that is told.
func TestTooManyEntries(t *testing.T) {
	var b strings.Builder
	b.WriteString("<html><body><pre>\n")
	for i := range maxEntries + 10 {
		fmt.Fprintf(&b, "<a href=\"%d\">%[1]d</a> 12-Nov-2024 10:21 %[1]d\n", i)
	}
	b.WriteString("</pre></body></html>")
	l, err := Parse([]byte(b.String()), Input{})
	if err != nil || len(l.Entries) != maxEntries || l.Unread != 10 {
		t.Errorf("%d entries, %d unread, %v", len(l.Entries), l.Unread, err)
	}
}
