package cgienv

import (
	"maps"
	"net/http"
	"reflect"
	"testing"
)

// env is a complete environment, changed by name, value pairs. "-" unsets.
func env(changes ...string) map[string]string {
	env := map[string]string{"REQUEST_METHOD": "GET", "REQUEST_URI": "/a"}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "-" {
			delete(env, changes[i])
		} else {
			env[changes[i]] = changes[i+1]
		}
	}
	return env
}

func TestRequest(t *testing.T) {
	type want struct {
		method, target, host, proto, remote string
		header                              http.Header
	}
	plain := want{method: "GET", target: "/a", proto: "HTTP/1.1"}
	with := func(change func(*want)) want {
		w := plain
		change(&w)
		return w
	}
	for name, test := range map[string]struct {
		env  map[string]string
		want want
	}{
		"least":              {env(), plain},
		"HEAD":               {env("REQUEST_METHOD", "HEAD"), with(func(w *want) { w.method = "HEAD" })},
		"ErrorDocument":      {env("REDIRECT_REQUEST_METHOD", "HEAD"), with(func(w *want) { w.method = "HEAD" })},
		"MIRROR_URI":         {env("MIRROR_URI", "/b"), with(func(w *want) { w.target = "/b" })},
		"empty MIRROR_URI":   {env("MIRROR_URI", ""), plain},
		"MIRROR_URI alone":   {env("MIRROR_URI", "/b", "REQUEST_URI", "-"), with(func(w *want) { w.target = "/b" })},
		"junk":               {env("REQUEST_URI", "/%zz/../\x00 //"), with(func(w *want) { w.target = "/%zz/../\x00 //" })},
		"absolute-form":      {env("REQUEST_URI", "http://h/p?q"), with(func(w *want) { w.target = "http://h/p?q" })},
		"two slashes":        {env("REQUEST_URI", "//evil/x"), with(func(w *want) { w.target = "//evil/x" })},
		"host":               {env("HTTP_HOST", "h:8"), with(func(w *want) { w.host = "h:8" })},
		"HTTP/2":             {env("SERVER_PROTOCOL", "HTTP/2.0"), with(func(w *want) { w.proto = "HTTP/2.0" })},
		"server side":        {env("SERVER_PROTOCOL", "INCLUDED"), plain},
		"remote":             {env("REMOTE_ADDR", "::1", "REMOTE_PORT", "7"), with(func(w *want) { w.remote = "[::1]:7" })},
		"remote, no port":    {env("REMOTE_ADDR", "10.0.0.1"), with(func(w *want) { w.remote = "10.0.0.1:0" })},
		"remote, unix":       {env("REMOTE_ADDR", "unix:"), with(func(w *want) { w.remote = "unix:" })},
		"header":             {env("HTTP_IF_RANGE", " x "), with(func(w *want) { w.header = http.Header{"If-Range": {"x"}} })},
		"header, many lines": {env("HTTP_A", "x\r\nB: y", "HTTP_B", "x\ny", "HTTP_C", "\x00"), plain},
		"header, bad name":   {env("HTTP_A B", "x", "HTTP_", "x", "HTTP_A:", "x"), plain},
		"httpoxy":            {env("HTTP_PROXY", "http://evil/"), plain},
		"not a header":       {env("AUTH_TYPE", "x", "HTTPS", "on"), plain},
		"type and length": {env("CONTENT_TYPE", "a/b", "HTTP_CONTENT_TYPE", "c/d", "CONTENT_LENGTH", "3"),
			with(func(w *want) { w.header = http.Header{"Content-Type": {"a/b"}, "Content-Length": {"3"}} })},
		"empty type and length": {env("CONTENT_TYPE", "", "CONTENT_LENGTH", ""), plain},
		"headers that play variables": {env("HTTP_MIRROR_URI", "/evil", "HTTP_REDIRECT_REQUEST_METHOD", "PUT"),
			with(func(w *want) {
				w.header = http.Header{"Mirror-Uri": {"/evil"}, "Redirect-Request-Method": {"PUT"}}
			})},
	} {
		before := maps.Clone(test.env)
		r, err := Request(test.env)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if test.want.header == nil {
			test.want.header = http.Header{}
		}
		got := want{r.Method, r.RequestURI, r.Host, r.Proto, r.RemoteAddr, r.Header}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		if r.URL.String() != "/" || r.Body != http.NoBody {
			t.Errorf("%s: the URL is %q, the body %v", name, r.URL, r.Body)
		}
		if !maps.Equal(before, test.env) {
			t.Errorf("%s: the environment was changed", name)
		}
	}
}

func TestRequestRefuses(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing":        {},
		"no method":      env("REQUEST_METHOD", "-"),
		"bad method":     env("REQUEST_METHOD", "GET /"),
		"bad redirected": env("REDIRECT_REQUEST_METHOD", "a\r\nb"),
		"no target":      env("REQUEST_URI", "-", "MIRROR_URI", ""),
	} {
		if r, err := Request(env); err == nil {
			t.Errorf("%s: became %v", name, r)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("X-A", "b")
	f.Add("X-A\r\nB", "c\r\n\r\nd")
	f.Add("Status", "200")
	f.Fuzz(func(t *testing.T, name, value string) {
		block := appendHeader(nil, 200, http.Header{name: {value}})
		lines := 0
		for _, c := range block {
			if c == '\n' {
				lines++
			}
			if c == 0 {
				t.Errorf("a NUL in %q", block)
			}
		}
		if lines > 3 {
			t.Errorf("one field became %q", block)
		}
	})
}

func TestHeader(t *testing.T) {
	for want, test := range map[string]struct {
		code   int
		header http.Header
	}{
		"Status: 200 OK\r\n\r\n":                            {200, nil},
		"Status: 599 Status 599\r\n\r\n":                    {599, nil},
		"Status: 302 Found\r\nA: 1\r\nB: 2\r\nB: 3\r\n\r\n": {302, http.Header{"B": {"2", "3"}, "A": {"1"}}},
		"Location: /x\r\n\r\n":                              {200, http.Header{"Location": {"/x"}, NoStatus: {""}}},
		"Status: 200 OK\r\nA: x  Y: z \r\n\r\n":             {200, http.Header{"A": {"x\r\nY: z\x00"}, "B\r\nC": {"d"}, "": {"e"}}},
		"Status: 404 Not Found\r\n\r\n":                     {404, http.Header{"Status": {"200"}, "status": {"200"}}},
	} {
		if got := string(appendHeader(nil, test.code, test.header)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if http.CanonicalHeaderKey(NoStatus) != NoStatus {
		t.Errorf("%s is not canonical, so Header.Set would miss it", NoStatus)
	}
}
