package contestant

import (
	"context"
	"net"
	"os/exec"
)

// startVarnish starts Varnish.
func (r *Running) startVarnish(ctx context.Context) error {
	if err := r.drop(); err != nil {
		return err
	}
	work, err := r.makeDir("varnish")
	if err != nil {
		return err
	}
	if r.Addr, err = freeAddr(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(r.setup.Origin)
	if err != nil {
		return err
	}
	file, err := r.write("varnish.vcl", map[string]string{"Host": host, "Port": port})
	if err != nil {
		return err
	}
	// In memory, as its authors advise where the files fit there.
	cmd := exec.Command(program("varnishd"), "-F", "-n", work, "-a", r.Addr, "-T", "none", "-f", file, "-s", "malloc,3G")
	r.Front, err = r.launch(ctx, cmd, "tcp", r.Addr)
	return err
}
