package protocols

import (
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mirror/internal/server"
)

// TestFronts: behind a web server, and without a daemon, the protocols do the same.
// (Package test has every front, with an HTTP upstream.)
func TestFronts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		front, protocol string
		start           func(*site)
	}{
		{"nginx", "rsync", behindNginx},
		{"cgi", "vsftpd", asCGI},
	} {
		t.Run(test.front+" "+test.protocol, func(t *testing.T) {
			t.Parallel()
			from := called(test.protocol).serve(t)
			for name, run := range map[string]func(*testing.T, *upstream){
				"files": everyFile, "links": links, "crowd": crowd, "listings": listings, "missing": missing, "refreshed": refreshed,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					u := from.reach(t)
					u.front = test.start
					run(t, u)
				})
			}
		})
	}
}

// behindNginx starts mirror-fcgi, and nginx with the file that users copy.
func behindNginx(s *site) {
	s.start()
	front := server.New(s.t, s.docroot)
	front.NginxOf(server.Deployed(s.t, "../../deploy/nginx/try-files.conf", map[string]string{
		"listen 80;": "listen " + front.Addr + ";", "listen [::]:80;": "", "/srv/mirror": s.docroot, "/run/mirror/fcgi.sock": s.socket,
	}))
	s.addr = front.Addr
}

// asCGI runs mirror-cgi once for each request, as a web server that has nothing else.
func asCGI(s *site) {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { log.Close() })
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	// By its own name for the program, this site's processes can be told from others.
	own := filepath.Join(s.dir, "mirror-cgi")
	if err := os.Link(program("mirror-cgi"), own); err != nil {
		s.t.Fatal(err)
	}
	web := &http.Server{Handler: &cgi.Handler{
		Path: own, Root: "/cgi-bin/mirror-cgi", Dir: s.dir, Stderr: log,
		Env: []string{"MIRROR_CONFIG=" + s.config, "MIRROR_STREAM=1"},
	}}
	go web.Serve(l)
	s.t.Cleanup(func() {
		web.Close()
		server.Eventually(s.t, "its workers have ended", func() bool { return !runs(own) })
	})
}

// runs reports whether a process runs a program.
func runs(program string) bool {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	return slices.ContainsFunc(links, func(link string) bool {
		exe, err := os.Readlink(link)
		return err == nil && exe == program
	})
}
