package fetch

// spareShare is the part of limits.per_upstream that is left to fetches: what one
// of them takes beside its first connection comes out of the rest.
const spareShare = 4

// extrasAtOnce is how many connections the fetches of this process may have beside their
// first ones. Each takes four of its descriptors: its own, its slot's, and those of two
// segments that wait for their turn. That is an eighth of the limit of open files: they
// only make faster what arrives anyway, and are not to be what it breaks for.
func extrasAtOnce() int { return max(1, filesAtOnce(mostBehind)/4) }

// extraSlot takes a slot of an upstream for one more connection of a fetch that has
// one, and does not wait for it. There is none where no more are free than are left to
// fetches: whoever asks anew for each of its requests gives way to them. Two that look
// at the same time may take one too many, until one of their requests ends.
func (e *Engine) extraSlot(pool string) (release func(), ok bool) {
	if !e.extras.try() {
		return nil, false
	}
	defer func() {
		if !ok {
			e.extras.leave()
		}
	}()
	n := e.conf.Limits.PerUpstream
	if free, err := e.tree.Locks.FreeSlots(pool, n, max(1, n/spareShare)+1); err != nil || !free {
		return nil, false
	}
	slot, err := e.tree.Locks.TryPool(pool, n)
	if err != nil {
		return nil, false
	}
	return func() { slot.Unlock(); e.extras.leave() }, true
}

// slotFree reports whether a fetch would find a slot of an upstream. While there is
// none, whoever has an extra one gives it back: on a slow line he would have it for
// longer than a fetch waits.
func (e *Engine) slotFree(pool string) bool {
	free, err := e.tree.Locks.FreeSlots(pool, e.conf.Limits.PerUpstream, 1)
	return err != nil || free
}
