package contestant

import (
	"context"
	"os"
	"os/exec"

	"mirror/bench/floor"
)

// startFloor returns what starts the benchmark's own binary as the floor.
func startFloor(v floor.Variant) func(*Running, context.Context) error {
	return func(r *Running, ctx context.Context) error { return r.startFloor(ctx, v) }
}

func (r *Running) startFloor(ctx context.Context, v floor.Variant) error {
	var err error
	if r.docroot, err = r.makeDir("docroot"); err != nil {
		return err
	}
	if r.Addr, err = freeAddr(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r.floor, err = r.launch(ctx, exec.Command(self, floor.Args(r.Addr, r.docroot, r.setup.Origin, v)...), "tcp", r.Addr)
	return err
}
