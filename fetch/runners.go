package fetch

// runners are goroutines that transfers run on, one after another: one whose
// stack has grown already spares the next small miss the growing.
type runners struct {
	work chan func()   // unbuffered: handed to one that waits, or to none
	idle chan struct{} // one token for each that waits
	stop <-chan struct{}
}

// maxIdle is how many wait for work, each with a stack of 8 to 32 KiB. More
// clients than this are a herd, whose misses take longer than starting one.
const maxIdle = 32

func newRunners(stop <-chan struct{}) *runners {
	return &runners{work: make(chan func()), idle: make(chan struct{}, maxIdle), stop: stop}
}

// run calls f in another goroutine.
func (r *runners) run(f func()) {
	select {
	case r.work <- f:
	default:
		go r.loop(f)
	}
}

func (r *runners) loop(f func()) {
	for {
		f()
		select {
		case r.idle <- struct{}{}:
		default:
			return
		}
		select {
		case f = <-r.work:
			<-r.idle
		case <-r.stop:
			return
		}
	}
}
