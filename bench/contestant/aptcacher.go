package contestant

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"mirror/internal/loopback"
)

// startAptCacherNG starts apt-cacher-ng. Its URLs have the origin's address before
// the path.
func (r *Running) startAptCacherNG(ctx context.Context) error {
	if err := r.drop(); err != nil {
		return err
	}
	for _, name := range []string{"cache", "log", "acng"} {
		if _, err := r.makeDir(name); err != nil {
			return err
		}
	}
	host, addr := loopback.Address() // it cannot listen on ports above 32767
	r.Addr = addr + "/" + r.setup.Origin
	text, err := fill("acng.conf", map[string]any{"Dir": r.dir, "Host": host, "Port": loopback.Port})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir, "acng", "acng.conf"), []byte(text), 0o644); err != nil {
		return err
	}
	r.Front, err = r.launch(ctx, exec.Command(program("apt-cacher-ng"), "-c", filepath.Join(r.dir, "acng")), "tcp", addr)
	return err
}
