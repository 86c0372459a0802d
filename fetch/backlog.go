package fetch

import "golang.org/x/sys/unix"

// mostBehind is as many files as one batch of the publisher has, eight times: what a disk
// that is slow for seconds is behind by. That is memory, and work for who stops.
const mostBehind = 8 * maxBatch

// filesAtOnce is how many files, most at most, the limit of open files allows to be under way:
// each has two, its lock's and its part's, and while it is published one for its directory.
// That is three eighths of the limit. Locks that are kept for later (keylock) are another one;
// what is left is for clients, upstreams, the record, and a group that is fetched meanwhile.
func filesAtOnce(most uint64) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fewJobs
	}
	return int(min(most, max(fewJobs, limit.Cur/8)))
}

// backlog has one for each file of this process that was begun and has no name yet. Clients
// do not wait for the disk, which may be slower than they and the upstreams are: without a
// bound, what waits for its sync would take all descriptors, and each further miss be
// refused. So a fetch that would be one too many begins when another has its name.
type backlog struct{ room gate }

// enter waits until the transfer may begin. It holds its lock, and is as any that waits for
// its upstream: whoever wants the file waits for it, for as long as he likes.
//
// A group has a bound of its own, or it would keep clients waiting. Of indexes there are
// few, others may wait for them, and generations for their members.
func (b backlog) enter(t *transfer) error {
	if t.group != nil || t.generation != nil || t.nature.Index != "" || len(t.nature.Set) > 0 {
		return nil
	}
	if !b.room.try() {
		t.update(func(s *state) { s.queued = true })
		if err := b.room.enter(t.ctx); err != nil {
			return err
		}
		t.update(func(s *state) { s.queued = false })
		t.steps.done("backlog")
	}
	t.inBacklog = true
	return nil
}

// leave is called when the transfer has ended.
func (b backlog) leave(t *transfer) {
	if t.inBacklog {
		b.room.leave()
	}
}
