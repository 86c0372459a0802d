package fetch

import "context"

// gate lets so many goroutines of this process through at a time as it has capacity. What
// counts across processes is a slot, a lock that can only be tried again and again: so who
// waits for one waits at a gate first, which wakes who is next, in order.
type gate chan struct{}

// try passes if nobody has to be waited for.
func (g gate) try() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

// enter passes as soon as there is room, or fails with the cause for which ctx has ended.
func (g gate) enter(ctx context.Context) error {
	if ctx.Err() != nil { // else it might pass all the same
		return context.Cause(ctx)
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave makes room. Who has passed calls it once.
func (g gate) leave() { <-g }
