package journal

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/linewarden/linewarden/numberdb"
)

const (
	lanes = 8
	// laneRoom is how many calls wait in a lane. With all lanes, 16384 calls can come between two looks, 250 ms apart or sooner.
	laneRoom = 2048
)

// touch is one call, for the sketch.
type touch struct {
	line       line // of the number
	subscriber numberdb.Number
}

// handOver takes calls from their goroutines to that of the sketch, in memory of a fixed size. Each call takes a lane at random, so that they seldom wait for
// each other, and never for anything but another's few instructions.
type handOver struct {
	lanes [lanes]lane
	// wake gets a word when a lane is half full.
	wake chan struct{}
	lost atomic.Uint64 // calls for which there was no room
}

type lane struct {
	mu      sync.Mutex
	waiting []touch
	_       [64]byte // lanes do not share a cache line
}

func newHandOver() *handOver {
	h := &handOver{wake: make(chan struct{}, 1)}
	for i := range h.lanes {
		h.lanes[i].waiting = make([]touch, 0, laneRoom)
	}
	return h
}

// give hands a call over, or drops and counts it where there is no room.
func (h *handOver) give(t touch) {
	l := &h.lanes[rand.Uint32()%lanes]
	l.mu.Lock()
	n := len(l.waiting)
	if n < laneRoom {
		l.waiting = append(l.waiting, t)
	}
	l.mu.Unlock()
	switch n {
	case laneRoom:
		h.lost.Add(1)
	case laneRoom / 2:
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// take gives what waits to the function, lane by lane. spare, of laneRoom, takes the place of what was taken; the last of it comes back as the next spare.
func (h *handOver) take(spare []touch, each func(touch)) []touch {
	for i := range h.lanes {
		l := &h.lanes[i]
		l.mu.Lock()
		l.waiting, spare = spare[:0], l.waiting
		l.mu.Unlock()
		for _, t := range spare {
			each(t)
		}
	}
	return spare
}
