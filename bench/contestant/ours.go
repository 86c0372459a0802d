package contestant

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// startBuiltin starts the daemon with its built-in front.
func (r *Running) startBuiltin(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	r.Addr = addr
	return r.runDaemon(ctx, "", addr)
}

// startBehindNginx starts the daemon, and nginx with the very file that
// deploy/ tells administrators to take.
func (r *Running) startBehindNginx(ctx context.Context) error {
	socket := filepath.Join(r.dir, "fcgi.sock")
	if err := r.runDaemon(ctx, socket, ""); err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	r.Addr = addr
	server, err := deployed(filepath.Join(r.setup.Repo, "deploy", "nginx", "try-files.conf"), [][2]string{
		{"listen 80;", "listen " + addr + ";"},
		{"listen [::]:80;", ""},
		{"/srv/mirror", r.docroot},
		{"unix:/run/mirror/fcgi.sock", "unix:" + socket},
	})
	if err != nil {
		return err
	}
	return r.runNginx(ctx, server)
}

// deployed returns a file of deploy/ with its places changed. One that cannot
// be found is an error: the file has changed, and would measure something else.
func deployed(file string, places [][2]string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	text := string(b)
	for _, p := range places {
		if !strings.Contains(text, p[0]) {
			return "", fmt.Errorf("%s does not have %q any more", file, p[0])
		}
		text = strings.ReplaceAll(text, p[0], p[1])
	}
	return text, nil
}

// runDaemon starts mirror-fcgi on a unix socket or an HTTP address.
func (r *Running) runDaemon(ctx context.Context, socket, http string) error {
	network, addr, listen := "tcp", http, ""
	if socket != "" {
		network, addr, listen = "unix", socket, "unix:"+socket
	}
	file, err := r.configure(listen, http)
	if err != nil {
		return err
	}
	r.Daemon, err = r.launch(ctx, exec.Command(r.setup.Daemon, "-config", file), network, addr)
	return err
}

// configure writes the configuration of the mirror.
func (r *Running) configure(fastcgi, http string) (file string, err error) {
	if r.docroot, err = r.makeDir("docroot"); err != nil {
		return "", err
	}
	return r.write("mirror.toml", map[string]any{
		"Docroot": r.docroot, "FastCGI": fastcgi, "HTTP": http, "Origin": r.setup.Origin, "Connections": r.connections,
	})
}
