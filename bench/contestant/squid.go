package contestant

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"syscall"
)

// startSquid starts Squid as an accelerator of the origin.
func (r *Running) startSquid(ctx context.Context) error {
	cache, err := r.prepare("cache")
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(r.setup.Origin)
	if err != nil {
		return err
	}
	file, err := r.write("squid.conf", map[string]string{
		"Listen": r.Addr, "Cache": cache, "Dir": r.dir, "Host": host, "Port": port,
	})
	if err != nil {
		return err
	}
	squid := program("squid")
	layout := exec.CommandContext(ctx, squid, "-N", "-z", "-f", file) // makes the cache's directories
	layout.SysProcAttr = &syscall.SysProcAttr{Credential: r.as}
	if out, err := layout.CombinedOutput(); err != nil {
		return fmt.Errorf("squid -z: %w: %s", err, out)
	}
	r.Front, err = r.launch(ctx, exec.Command(squid, "-N", "-f", file), "tcp", r.Addr)
	return err
}
