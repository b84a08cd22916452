package testbed

import (
	"slices"
	"sync"

	"github.com/pion/rtp"
)

// recording is what a telephone hears, laid out by the sender's RTP timestamps: what is lost stays silent, what comes
// late finds its place. Safe for concurrent use.
type recording struct {
	codec Codec
	grown func() // called after sound was added

	mu      sync.Mutex
	samples []int16
	started bool
	ssrc    uint32
	last    uint32 // timestamp of the newest packet
	lastAt  int    // where in samples it begins
}

// A recording keeps the first hour; who talks longer than that in a test is not heard any more.
const longestRecording = 3600 * SampleRate

// Timestamps that leap further than this are another clock, as after a transfer: its sound follows directly.
const farthestLeap = 60 * SampleRate

func (r *recording) add(packet *rtp.Packet) {
	if r.place(packet) {
		r.grown()
	}
}

func (r *recording) place(packet *rtp.Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := len(r.samples)
	if r.started && packet.SSRC == r.ssrc {
		leap := int(int32(packet.Timestamp - r.last)) // RFC 3550: timestamps wrap around
		if abs(leap) <= farthestLeap {
			at = r.lastAt + leap
		}
	}
	end := at + len(packet.Payload)
	if at < 0 || end > longestRecording {
		return false
	}
	if end > len(r.samples) {
		r.samples = slices.Grow(r.samples, end-len(r.samples))
		r.samples = r.samples[:end]
	}
	for i, b := range packet.Payload {
		r.samples[at+i] = r.codec.decode(b)
	}
	if !r.started || at >= r.lastAt {
		r.started, r.ssrc, r.last, r.lastAt = true, packet.SSRC, packet.Timestamp, at
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
