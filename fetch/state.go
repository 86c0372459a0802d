package fetch

import (
	"context"
	"sync"

	"mirror"
	"mirror/store"
)

// state is what the followers of a transfer may know of it.
//
//	part  checked  done   what a reader may look at
//	nil   no       no     head, once it is set: the part is being made; before that
//	                      nothing: the upstream is being asked
//	nil   yes      no     body: the part is being written
//	set   no       no     visible bytes, which grow: head, if it is set, else of the part
//	set   yes      no     all of it; the name is not there yet
//	set   yes      yes    all of it; published says whether under its name
//	-     no       yes    err says why there is no more
type state struct {
	part      *store.Part // a restart replaces it
	edition   int         // changes when what is read is given up for something else
	body      []byte      // the whole of a small file, until the part has it; never changed
	head      []byte      // the first bytes of a larger one, until the part has them; never changed
	meta      mirror.Meta
	sum       []byte // SHA-256 that the whole has to have; nil: not known
	from      string // the URL of part's bytes
	queued    bool   // it waits for room: see backlog
	started   bool   // the upstream has confirmed meta in this transfer
	have      int64  // bytes in part, body or head
	checked   bool
	unframed  bool // whole as far as anyone can tell; never published
	staged    bool // whole, and waiting for the rest of its generation
	published bool
	done      bool
	err       error
}

func (s *state) visible() int64 { return store.Visible(s.have, s.meta.Size, s.checked) }

// isDone is for await.
func isDone(s *state) bool { return s.done }

// board shows a state to many readers. Its zero value is ready.
type board struct {
	mu    sync.Mutex
	state state         // guarded by mu
	wake  chan struct{} // guarded by mu; closed at the next change, nil while nobody waits
}

// update changes the state and wakes whoever waits.
func (b *board) update(f func(*state)) {
	b.mu.Lock()
	f(&b.state)
	if b.wake != nil {
		close(b.wake)
		b.wake = nil
	}
	b.mu.Unlock()
}

// await returns the state once ok holds for it, or ctx's error. ok runs under
// the board's mutex: what it takes from the state (a reference, say) is taken
// of that very state.
func (b *board) await(ctx context.Context, ok func(*state) bool) (state, error) {
	for {
		b.mu.Lock()
		if ok(&b.state) {
			s := b.state
			b.mu.Unlock()
			return s, nil
		}
		if b.wake == nil {
			b.wake = make(chan struct{})
		}
		wake := b.wake
		b.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return state{}, context.Cause(ctx)
		}
	}
}

// restart is another edition: who reads the one before ends.
func (s *state) restart(to state) {
	to.edition = s.edition + 1
	*s = to
}

// look calls f with the state, under the board's mutex: see await.
func (b *board) look(f func(*state)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.state)
}

func (b *board) now() state {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}
