package proc

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the processor time that the process itself has used, in user and
// kernel mode together, to the microsecond where /proc/PID/stat has hundredths of
// a second. Its children's is not in it.
func (p *Process) CPU() (time.Duration, error) {
	// What clock_getcpuclockid(3) makes of a process id, for CPUCLOCK_SCHED.
	clock := int32(^p.PID())<<3 | 2
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, fmt.Errorf("the processor time of process %d: %w", p.PID(), err)
	}
	return time.Duration(t.Nano()), nil
}
