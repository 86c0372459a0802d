package fcgi

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// front is a real web server. In its configuration ADDRESS, PORT, SOCKET and DIR stand
// for what a test chooses.
type front struct {
	binary string
	args   []string
	conf   string
}

var fronts = map[string]front{
	"nginx": {"nginx", []string{"-p", "DIR", "-c", "DIR/conf", "-e", "DIR/log"}, `
daemon off; master_process off;
pid nginx.pid; error_log DIR/log warn;
events {}
http {
  access_log off;
  client_body_temp_path body; fastcgi_temp_path fcgi; proxy_temp_path p; scgi_temp_path s; uwsgi_temp_path u;
  upstream mirror { server unix:SOCKET; keepalive 4; }
  server {
    listen ADDRESS;
    client_max_body_size 0;
    location / {
      fastcgi_pass mirror; fastcgi_keep_conn on; fastcgi_buffering off;
      fastcgi_buffer_size 64k; fastcgi_buffers 8 64k; # three times as fast as the default, 4k
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param CONTENT_LENGTH $content_length;
    }
  }
}`},
	"lighttpd": {"lighttpd", []string{"-D", "-f", "DIR/conf"}, `
server.modules = ( "mod_fastcgi" )
server.bind = "127.0.0.1"
server.port = PORT
server.document-root = "DIR"
server.errorlog = "DIR/log"
server.stream-response-body = 2
fastcgi.server = ( "/" => (( "socket" => "SOCKET", "check-local" => "disable" )) )`},
	"apache2": {"apache2", []string{"-X", "-f", "DIR/conf"}, `
ServerName localhost
Listen ADDRESS
ServerRoot DIR
PidFile DIR/pid
ErrorLog DIR/log
DefaultRuntimeDir DIR
Mutex pthread
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
SetEnv ap_trust_cgilike_cl 1
ProxyPass "/" "unix:SOCKET|fcgi://mirror/" enablereuse=on flushpackets=on`},
	"caddy": {"caddy", []string{"run", "--config", "DIR/conf", "--adapter", "caddyfile"}, `
{
	admin off
	storage file_system DIR
}
http://ADDRESS {
	reverse_proxy unix/SOCKET {
		transport fastcgi {
			root DIR
		}
		flush_interval -1
	}
}`},
}

// run starts the front before the unix socket and returns its URL.
func (f front) run(t testing.TB, socket string) string {
	t.Helper()
	binary, err := exec.LookPath(f.binary)
	if err != nil {
		t.Fatal(f.binary + " is not installed: `make test` installs what the tests need")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	l.Close()
	dir := t.TempDir()
	fill := strings.NewReplacer("ADDRESS", address, "PORT", port, "SOCKET", socket, "DIR", dir).Replace
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(fill(f.conf)), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	for _, arg := range f.args {
		cmd.Args = append(cmd.Args, fill(arg))
	}
	cmd.Env = append(os.Environ(), "HOME="+dir)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("%s said: %s%s", f.binary, said.String(), log)
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { // none of them says when it is ready
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "http://" + address
		} else if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", f.binary, err)
		}
	}
}

// browser is an HTTP client whose connections end with the test.
func browser(t testing.TB) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestFronts asks every front for small, large and slow answers. In the slow one
// the handler waits for the client to have the first half, which shows that
// nothing on the way holds it back, and that no front closes its side early in a
// way that looks as if it had gone.
func TestFronts(t *testing.T) {
	for name, f := range fronts {
		t.Run(name, func(t *testing.T) {
			half := make(chan struct{}, 1)
			url := f.run(t, start(t, &Server{Handler: func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
				switch r.RequestURI {
				case "/large":
					w.Header().Set("Content-Length", "3000000")
					io.Copy(w, strings.NewReader(strings.Repeat("l", 3000000)))
				case "/slow":
					w.Header().Set("Content-Length", "20000")
					io.WriteString(w, strings.Repeat("s", 10000))
					w.(http.Flusher).Flush()
					select {
					case <-half:
						io.WriteString(w, strings.Repeat("S", 10000))
					case <-r.Context().Done():
					}
				default:
					io.WriteString(w, r.Method+" "+r.RequestURI)
				}
			}}))
			get := func(method, uri string) *http.Response {
				t.Helper()
				req, err := http.NewRequest(method, url+uri, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := browser(t).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { resp.Body.Close() })
				return resp
			}
			for _, uri := range []string{"/a%2Bb?c", "/d", "/e"} {
				if body, err := io.ReadAll(get("GET", uri).Body); err != nil || string(body) != "GET "+uri {
					t.Errorf("GET %s: %q, %v", uri, body, err)
				}
			}
			if resp := get("HEAD", "/large"); resp.ContentLength != 3000000 {
				t.Errorf("HEAD: length %d", resp.ContentLength)
			}
			if body, err := io.ReadAll(get("GET", "/large").Body); err != nil || len(body) != 3000000 {
				t.Errorf("a large answer: %d bytes, %v", len(body), err)
			}
			resp := get("GET", "/slow")
			if _, err := io.ReadFull(resp.Body, make([]byte, 10000)); err != nil {
				t.Errorf("the first half: %v", err)
			}
			half <- struct{}{}
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 10000 {
				t.Errorf("the second half: %d bytes, %v", len(rest), err)
			}
		})
	}
}
