package dialplan

import (
	"errors"
	"math"
	"slices"
	"time"
)

// How a clip sounds, wherever it was spoken.
const (
	// TargetLevel is the active speech level in dB relative to full scale: 6 dB above the nominal level of speech in telephone
	// networks (ITU-T P.56, G.100.1: -26 dBov), so that a warning is heard over a noisy street, and near that of Asterisk's own sounds.
	TargetLevel = -20.0
	// PeakLimit is the highest sample in dBFS: room for what codecs and resamplers add.
	PeakLimit = -3.0
	// speechMargin is how far below the level of speech a frame may lie and still be speech (ITU-T P.56, method B).
	speechMargin = 15.9
	// silenceBelow is the level in dBFS below which a sample counts as silence when a clip is measured: about that of the quietest
	// sample of an audible sound.
	silenceBelow = -50.0
)

// Silence at the edges of a clip. Where sentences meet, a breath; where the parts of a sentence meet, hardly anything. At the end
// there must be some because Asterisk does not play the last few milliseconds of a WAV file (it counts the header as sound).
const (
	leadOpening = 60 * time.Millisecond
	leadJoint   = 20 * time.Millisecond
	tailEnding  = 250 * time.Millisecond
	tailJoint   = 40 * time.Millisecond

	// edgeGuard is what is kept of the sound beyond the first and last audible sample: a soft f or s begins before it is measured.
	edgeGuard = 15 * time.Millisecond
	fadeIn    = 4 * time.Millisecond
	fadeOut   = 12 * time.Millisecond
)

var errSilent = errors.New("there is no sound in it")

// pcm is mono sound; full scale is 1.
type pcm struct {
	rate    int
	samples []float32
}

func (p pcm) count(d time.Duration) int { return int(d * time.Duration(p.rate) / time.Second) }

func (p pcm) length() time.Duration {
	return time.Duration(len(p.samples)) * time.Second / time.Duration(p.rate)
}

func decibel(amplitude float64) float64 { return 20 * math.Log10(max(amplitude, 1e-6)) }

func amplitude(decibel float64) float64 { return math.Pow(10, decibel/20) }

func (p pcm) peak() float64 {
	var peak float32
	for _, s := range p.samples {
		peak = max(peak, s, -s)
	}
	return decibel(float64(peak))
}

// level is the active speech level in dBFS: the mean power of the 20 ms frames that hold speech, so that pauses do not count.
func (p pcm) level() float64 {
	frame := p.count(20 * time.Millisecond)
	var powers []float64
	for chunk := range slices.Chunk(p.samples, frame) {
		var sum float64
		for _, s := range chunk {
			sum += float64(s) * float64(s)
		}
		powers = append(powers, sum/float64(len(chunk)))
	}
	level, threshold := -120.0, -60.0 // below -60 nothing is speech
	for range 4 {                     // the threshold hangs on the level: it settles in two or three rounds
		var sum float64
		var n int
		for _, power := range powers {
			if power >= math.Pow(10, threshold/10) {
				sum += power
				n++
			}
		}
		if n == 0 {
			break
		}
		level = 10 * math.Log10(sum/float64(n))
		threshold = level - speechMargin
	}
	return level
}

// audible is the first sample at or above the level in dBFS and the one after the last; ok is false if there is none.
func (p pcm) audible(level float64) (first, end int, ok bool) {
	threshold := float32(amplitude(level))
	loud := func(s float32) bool { return s >= threshold || s <= -threshold }
	first = slices.IndexFunc(p.samples, loud)
	if first < 0 {
		return 0, 0, false
	}
	end = len(p.samples)
	for !loud(p.samples[end-1]) {
		end--
	}
	return first, end, true
}

// shape cuts the silence at the edges, fades the sound in and out within what is only guard, and puts exact silence around it.
// The length becomes a whole number of 20 ms frames, so that all rates have the same.
func (p pcm) shape(lead, tail time.Duration) (pcm, error) {
	first, end, ok := p.audible(p.level() - 38)
	if !ok {
		return pcm{}, errSilent
	}
	first, end = max(0, first-p.count(edgeGuard)), min(len(p.samples), end+p.count(edgeGuard))
	sound := slices.Clone(p.samples[first:end])
	in, out := min(p.count(fadeIn), len(sound)), min(p.count(fadeOut), len(sound))
	for i := range in {
		sound[i] *= float32(i) / float32(in)
	}
	for i := range out {
		sound[len(sound)-1-i] *= float32(i) / float32(out)
	}
	frame := p.count(20 * time.Millisecond)
	n := p.count(lead) + len(sound) + p.count(tail)
	shaped := make([]float32, (n+frame-1)/frame*frame)
	copy(shaped[p.count(lead):], sound)
	return pcm{p.rate, shaped}, nil
}

// normalise brings the sound to TargetLevel and below PeakLimit.
func (p pcm) normalise() pcm {
	gain := TargetLevel - p.level()
	normal := p.amplify(gain)
	for range 3 { // limiting takes a little off the level: made up for in the next round
		short := TargetLevel - normal.level()
		if math.Abs(short) < 0.05 {
			break
		}
		gain += short
		normal = p.amplify(gain)
	}
	return normal
}

// amplify turns the volume up by a gain in dB, and down again where a sample would be above PeakLimit.
func (p pcm) amplify(gain float64) pcm {
	louder := make([]float32, len(p.samples))
	factor := float32(amplitude(gain))
	for i, s := range p.samples {
		louder[i] = s * factor
	}
	return pcm{p.rate, louder}.limit(amplitude(PeakLimit - 0.1))
}

// limit turns the volume down around each sample above the ceiling, smoothly over 5 ms on both sides, so that nothing is clipped.
func (p pcm) limit(ceiling float64) pcm {
	reach := p.count(5 * time.Millisecond)
	n := len(p.samples)
	// The least gain that any sample within reach needs, then its mean within reach: nowhere above what a sample needs.
	least := make([]float64, n+2*reach)
	for i := range least {
		least[i] = 1
	}
	for i, s := range p.samples {
		if over := math.Abs(float64(s)); over > ceiling {
			for j := i; j <= i+2*reach; j++ {
				least[j] = min(least[j], ceiling/over)
			}
		}
	}
	limited := make([]float32, n)
	var sum float64
	for j := range min(2*reach, len(least)) {
		sum += least[j]
	}
	for i := range n {
		sum += least[i+2*reach]
		limited[i] = p.samples[i] * float32(sum/float64(2*reach+1))
		sum -= least[i]
	}
	return pcm{p.rate, limited}
}
