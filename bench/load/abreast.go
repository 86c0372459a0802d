package load

import "context"

// Abreast lets every path be asked for by a client of its own, all at once, and
// returns how each fared. The first error ends all.
func Abreast(ctx context.Context, addr string, paths []string) ([]Timing, error) {
	timings := make([]Timing, len(paths))
	err := together(ctx, len(paths), func(ctx context.Context, i int) error {
		c := NewClient(addr)
		defer c.Close()
		var err error
		timings[i], err = c.Get(ctx, paths[i])
		return err
	})
	return timings, err
}
