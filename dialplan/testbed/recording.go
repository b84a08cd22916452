package testbed

import (
	"slices"
	"sync"

	"github.com/pion/rtp"
)

// recording is what a telephone hears: the packets of the other side in the order of their sequence numbers, silence where
// one was lost. Safe for concurrent use.
//
// Timestamps are not used. A sender that stalls and catches up, as every one does on a busy machine, makes them leap
// forward and back over sound that is whole; by them, sound would be torn or overwritten. The price is that time in which
// the other side sends nothing at all takes no time in the recording.
type recording struct {
	codec Codec
	grown func() // called after sound was added

	mu      sync.Mutex
	samples []int16
	ssrc    uint32
	last    uint16 // sequence number of the newest packet
	lastAt  int    // where in samples it begins; before the first packet this is meaningless
}

// A recording keeps the first hour; who talks longer than that in a test is not heard any more.
const longestRecording = 3600 * SampleRate

// More packets than this are not lost or late, 10 s: somebody else is sending, whose sound follows directly.
const farthestLeap = 500

func (r *recording) add(packet *rtp.Packet) {
	if len(packet.Payload) > 0 && r.place(packet) {
		r.grown()
	}
}

func (r *recording) place(packet *rtp.Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, newest := len(r.samples), true
	if leap := int(int16(packet.SequenceNumber - r.last)); at > 0 && packet.SSRC == r.ssrc && abs(leap) <= farthestLeap {
		newest = leap > 0
		if lost := leap - 1; newest {
			at += lost * len(packet.Payload)
		} else {
			at = r.lastAt + leap*len(packet.Payload)
		}
	}
	end := at + len(packet.Payload)
	if at < 0 || end > longestRecording {
		return false
	}
	if grow := end - len(r.samples); grow > 0 {
		r.samples = append(r.samples, make([]int16, grow)...)
	}
	for i, b := range packet.Payload {
		r.samples[at+i] = r.codec.decode(b)
	}
	if newest {
		r.ssrc, r.last, r.lastAt = packet.SSRC, packet.SequenceNumber, at
	}
	return true
}

// copy gives all that was heard so far.
func (r *recording) copy() []int16 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.samples)
}

func abs(x int) int { return max(x, -x) }
