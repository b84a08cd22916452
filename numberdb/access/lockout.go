package access

import (
	"fmt"
	"math"
	"time"
)

// Lockout is how attempts at guessing are slowed down. The zero value locks nobody out.
type Lockout struct {
	// Free is how many attempts may fail before there is any delay.
	Free int
	// First is the delay after those; each further failure doubles it, up to Longest.
	First, Longest time.Duration
	// Keep is how long failures are remembered once a delay is over.
	Keep time.Duration
}

// signInLockout leaves an attacker some 12 attempts an hour at a name.
var signInLockout = Lockout{Free: 5, First: time.Second, Longest: 15 * time.Minute, Keep: time.Hour}

// Delay is how long there may be no further attempt once n have failed.
func (l Lockout) Delay(n int) time.Duration {
	if l.Free <= 0 || n < l.Free {
		return 0
	}
	return time.Duration(math.Min(float64(l.First)*math.Exp2(float64(n-l.Free)), float64(l.Longest)))
}

// LockedError says that there were too many attempts.
type LockedError struct {
	Wait time.Duration // until the next may be made
	// Who it was, or whose name was tried; the zero value for nobody: for the audit chain, not for whoever asks.
	Who Principal
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("too many attempts: try again in %v", e.Wait.Round(time.Second))
}

// RetryAfter is the wait in whole seconds, rounded up, as HTTP wants it.
func RetryAfter(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }
