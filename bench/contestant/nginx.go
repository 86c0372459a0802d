package contestant

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// startNginx starts nginx as a rival, with the server of a template.
func startNginx(conf string) func(*Running, context.Context) error {
	return func(r *Running, ctx context.Context) error {
		docroot, err := r.makeDir("docroot")
		if err != nil {
			return err
		}
		if conf == "store.conf" {
			r.docroot = docroot
		}
		if r.Addr, err = freeAddr(); err != nil {
			return err
		}
		server, err := fill(conf, map[string]string{"Listen": r.Addr, "Docroot": docroot})
		if err != nil {
			return err
		}
		return r.runNginx(ctx, server)
	}
}

// runNginx starts nginx with one server, which listens on r.Addr.
func (r *Running) runNginx(ctx context.Context, server string) error {
	file, err := r.write("nginx.conf", map[string]any{
		"Root": os.Geteuid() == 0, "Dir": r.dir, "Origin": r.setup.Origin, "Server": server,
	})
	if err != nil {
		return err
	}
	// -e: what goes wrong before error_log is read is said in the same place.
	cmd := exec.Command(r.setup.Nginx, "-c", file, "-e", filepath.Join(r.dir, "nginx.log"))
	r.Front, err = r.launch(ctx, cmd, "tcp", r.Addr)
	return err
}
