package contestant

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"mirror/bench/floor"
)

// startFloor starts the benchmark's own binary as the floor.
func (r *Running) startFloor(ctx context.Context) error {
	docroot, err := r.makeDocroot()
	if err != nil {
		return err
	}
	r.docroot = docroot
	if r.Addr, err = freeAddr(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(r.dir, floorLog))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(self, floor.Args(r.Addr, docroot, r.setup.Origin)...)
	cmd.Stderr = log
	if r.floor, err = r.setup.Group.Start(cmd); err != nil {
		return err
	}
	return ready(ctx, r.floor, "tcp", r.Addr, log.Name())
}
