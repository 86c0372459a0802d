package contestant

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
)

// startVarnish starts Varnish with all that it has in memory, as its authors advise
// where the files fit there.
func (r *Running) startVarnish(ctx context.Context) error { return r.runVarnish(ctx, "malloc,3G") }

// startVarnishFile starts it with all that it has on the disk, as the others do.
func (r *Running) startVarnishFile(ctx context.Context) error {
	return r.runVarnish(ctx, "file,"+filepath.Join(r.dir, "storage")+",3G")
}

func (r *Running) runVarnish(ctx context.Context, storage string) error {
	work, err := r.prepare("varnish")
	if err != nil {
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
	cmd := exec.Command(program("varnishd"), "-F", "-n", work, "-a", r.Addr, "-T", "none", "-f", file, "-s", storage)
	r.Front, err = r.launch(ctx, cmd, "tcp", r.Addr)
	return err
}
