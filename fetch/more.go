package fetch

// spareShare is the part of limits.per_upstream that is left to fetches: what one
// of them takes beside its first connection comes out of the rest.
const spareShare = 4

// more takes a slot of an upstream for one more connection of a fetch that has one,
// and does not wait for it. While the slots that are left to fetches are taken,
// there is none: whoever asks anew for each of its requests gives way to them.
func (e *Engine) more(pool string) (release func(), ok bool) {
	n := e.conf.Limits.PerUpstream
	most := n - max(1, n/spareShare)
	if most <= 0 {
		return nil, false
	}
	if free, err := e.tree.Locks.FreeSlot(pool, most, n); err != nil || !free {
		return nil, false
	}
	slot, err := e.tree.Locks.TryPool(pool, most)
	if err != nil {
		return nil, false
	}
	return func() { slot.Unlock() }, true
}
