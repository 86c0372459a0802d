package contestant

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// startNginx starts nginx as a rival, with the server of a template.
func (r *Running) startNginx(ctx context.Context, conf string) error {
	docroot, err := r.makeDocroot()
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

// runNginx starts nginx with one server, which listens on r.Addr.
func (r *Running) runNginx(ctx context.Context, server string) error {
	conf, err := fill("nginx.conf", map[string]any{
		"Root": os.Geteuid() == 0, "Dir": r.dir, "Origin": r.setup.Origin, "Server": server,
	})
	if err != nil {
		return err
	}
	file := filepath.Join(r.dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return err
	}
	log := filepath.Join(r.dir, nginxLog)
	// -e: what goes wrong before error_log is read is said in the same place.
	if r.Nginx, err = r.setup.Group.Start(exec.Command(r.setup.Nginx, "-c", file, "-e", log)); err != nil {
		return err
	}
	return ready(ctx, r.Nginx, "tcp", r.Addr, log)
}
