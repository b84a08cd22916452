package bench

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what a process has used since its start, in user and kernel mode, threads that have ended included; zero for
// process 0. It is read from the clock that clock_getcpuclockid(3) names, which counts nanoseconds; the counters of /proc do
// ticks of 10 ms.
func processorTime(pid int) (time.Duration, error) {
	if pid == 0 {
		return 0, nil
	}
	const scheduled = 2 // CPUCLOCK_SCHED of linux/posix-timers.h
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// usage is the processor time of those who work on a call.
type usage struct{ asterisk, helper, redis time.Duration }

func (u usage) sum() time.Duration { return u.asterisk + u.helper + u.redis }

func (u usage) minus(v usage) usage {
	return usage{u.asterisk - v.asterisk, u.helper - v.helper, u.redis - v.redis}
}

// per is the usage for each of n calls.
func (u usage) per(n int) usage {
	return usage{u.asterisk / time.Duration(n), u.helper / time.Duration(n), u.redis / time.Duration(n)}
}

// used is what Asterisk, Redis and the way's helper have used so far.
func (x *exchange) used(b *testing.B, w way) usage {
	b.Helper()
	var u usage
	for pid, into := range map[int]*time.Duration{x.asterisk.PID(): &u.asterisk, x.redis.PID(): &u.redis, x.helperPID(w): &u.helper} {
		t, err := processorTime(pid)
		if err != nil {
			b.Fatal(err)
		}
		*into = t
	}
	return u
}

// settle waits until Asterisk has nothing left to do: channels end a moment after their calls.
func (x *exchange) settle(b *testing.B) {
	b.Helper()
	const step, idle = 10 * time.Millisecond, 500 * time.Microsecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	before := x.used(b, bare).asterisk
	for range 500 {
		<-tick.C
		now := x.used(b, bare).asterisk
		if now-before < idle {
			return
		}
		before = now
	}
	b.Fatal("Asterisk does not come to rest")
}
