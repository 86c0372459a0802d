package sync

import (
	"os"
	"path/filepath"
	"testing"

	"mirror/internal/server"
)

// upstream is a real server that runs until the test ends.
type upstream struct {
	dir  string // what it serves, at url
	url  string
	stop func()
}

// serve makes a directory and starts a server of it.
func serve(t *testing.T, scheme, path string, start func(*server.Server)) upstream {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "up")
	must(t, os.Mkdir(dir, 0o755))
	s := server.New(t, dir)
	start(s)
	return upstream{dir: dir, url: scheme + s.Addr + path, stop: s.Stop}
}

func rsyncd(t *testing.T) upstream {
	return serve(t, "rsync://", "/m/", func(s *server.Server) { s.Rsyncd("") })
}

func nginx(t *testing.T) upstream {
	return serve(t, "http://", "/", func(s *server.Server) { s.Nginx("") })
}

func apache(t *testing.T) upstream {
	return serve(t, "http://", "/", func(s *server.Server) { s.Apache("HTMLTable", "Require all granted") })
}

func vsftpd(t *testing.T) upstream {
	return serve(t, "ftp://", "/", func(s *server.Server) { s.Vsftpd("") })
}

func proftpd(t *testing.T) upstream {
	return serve(t, "ftp://user:secret@", "/", func(s *server.Server) { s.Proftpd("") })
}

func pureftpd(t *testing.T) upstream {
	return serve(t, "ftp://user:secret@", "/", func(s *server.Server) { s.PureFTPd() })
}
