package contestant

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// startTrafficServer starts Apache Traffic Server.
func (r *Running) startTrafficServer(ctx context.Context) error {
	if err := r.drop(); err != nil {
		return err
	}
	for _, name := range []string{"cache", "run", "log"} {
		if _, err := r.makeDir(name); err != nil {
			return err
		}
	}
	var err error
	if r.Addr, err = freeAddr(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(r.Addr)
	if err != nil {
		return err
	}
	values := map[string]string{"Dir": r.dir, "Listen": r.Addr, "Host": host, "Port": port, "Origin": r.setup.Origin}
	// The names that it looks for, and their templates.
	for name, text := range map[string]string{
		"records.config": "trafficserver.conf",
		"remap.config":   "remap.conf",
		"storage.config": "storage.conf",
		"runroot.yaml":   "runroot.conf",
		"ip_allow.yaml":  "allow.conf",
	} {
		filled, err := fill(text, values)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(filled), 0o644); err != nil {
			return err
		}
	}
	cmd := exec.Command(program("traffic_server"), "--run-root="+filepath.Join(r.dir, "runroot.yaml"))
	r.Front, err = r.launch(ctx, cmd, "tcp", r.Addr)
	return err
}
