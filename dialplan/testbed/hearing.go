package testbed

import (
	"cmp"
	"math"
	"math/cmplx"
	"slices"
	"time"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Hit is one prompt heard in a recording.
type Hit struct {
	ID string
	// At is when the prompt began, counted from the beginning of the recording. It is negative if the recording began after
	// the prompt.
	At time.Duration
	// Part is how much of the prompt's sound was heard, from 0 to 1. A prompt that a key cut short has less than 1.
	Part float64
	// Score is how alike the heard part and the prompt are, from 0 to 1: the mean of their normalised cross-correlation.
	Score float64
}

// Heard tells which prompts a recording holds, in the order of their beginnings. Both are 8000 samples a second; loudness
// does not matter, nor do a telephone line's coding, and lost packets only little. prompts should hold everything that
// might have been played: where two of them begin alike, the one that explains more of the sound is told. A prompt of which
// less than half a second was heard (or less than three quarters, if it is short) is not told, nor is one of less than a
// fifth of a second.
//
// It takes some tens of milliseconds for each prompt and half minute of recording.
func Heard(recording []int16, prompts map[string][]int16) []Hit {
	var found []finding
	sound := newSpectrum(recording)
	for id, prompt := range prompts {
		found = append(found, sound.find(id, prompt)...)
	}
	return best(found)
}

// The pieces in which a prompt is compared. A piece is long enough to be told from others of the same voice, and short
// enough to show where a prompt was cut.
const (
	anchorLength = SampleRate / 2
	pieceLength  = SampleRate / 5
)

// Two pieces of sound are the same from these correlations on. The anchor decides, so it must be surer: the same voice
// saying something else reaches about a half.
const (
	anchorAlike = 0.8
	pieceAlike  = 0.7
)

// Sound quieter than this (root mean square) is silence: it is like any other silence.
const silence = 25.0

// A piece may lie this far from where the ones before it say, as when a sender's clock leaps between packets.
const slack = SampleRate / 50

// finding is a hit while it competes with others.
type finding struct {
	Hit
	begin, end int // the heard part, in samples of the recording
}

func (f finding) weight() float64 { return float64(f.end-f.begin) * f.Score }

// best drops all findings whose sound a better one explains, and gives the rest in order.
func best(found []finding) []Hit {
	slices.SortFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(a.ID, b.ID), cmp.Compare(a.begin, b.begin))
	})
	var kept []finding
	for _, f := range found {
		if !slices.ContainsFunc(kept, f.overlaps) {
			kept = append(kept, f)
		}
	}
	slices.SortFunc(kept, func(a, b finding) int { return cmp.Compare(a.begin, b.begin) })
	hits := make([]Hit, len(kept))
	for i, f := range kept {
		hits[i] = f.Hit
	}
	return hits
}

// overlaps tells whether a quarter of the shorter one lies within the other.
func (f finding) overlaps(other finding) bool {
	common := min(f.end, other.end) - max(f.begin, other.begin)
	return common*4 > min(f.end-f.begin, other.end-other.begin)
}

// spectrum is a recording, ready to be searched for many prompts: in blocks that overlap by the length of an anchor, because
// small transforms are much faster than one of the whole.
type spectrum struct {
	samples   []float64
	squares   []float64 // squares[i] is the sum of the squares of the first i samples
	transform *fourier.FFT
	blocks    [][]complex128 // the transform of the samples from i*blockStep on
}

const (
	blockLength = 1 << 14
	blockStep   = blockLength - anchorLength
)

func newSpectrum(recording []int16) *spectrum {
	s := &spectrum{samples: make([]float64, len(recording)), squares: make([]float64, len(recording)+1),
		transform: fourier.NewFFT(blockLength)}
	for i, sample := range recording {
		s.samples[i] = float64(sample)
		s.squares[i+1] = s.squares[i] + s.samples[i]*s.samples[i]
	}
	for start := 0; start < len(recording); start += blockStep {
		block := make([]float64, blockLength)
		copy(block, s.samples[start:])
		s.blocks = append(s.blocks, s.transform.Coefficients(nil, block))
	}
	return s
}

// find finds all places where a prompt was played. It looks for one of two anchors, stretches of half a second at the
// beginning and in the middle, and then compares the rest of the prompt with what is around each.
func (s *spectrum) find(id string, prompt []int16) []finding {
	clip := make([]float64, len(prompt))
	for i, sample := range prompt {
		clip[i] = float64(sample)
	}
	pieces := loudPieces(clip)
	if len(pieces) == 0 || len(clip) < pieceLength { // nothing by which to know it
		return nil
	}
	var found []finding
	for _, anchor := range []int{pieces[0], pieces[len(pieces)/2]} {
		anchor = max(0, min(anchor, len(clip)-anchorLength))
		stretch := clip[anchor:min(anchor+anchorLength, len(clip))]
		for _, at := range s.peaks(stretch) {
			if f, ok := s.compare(clip, pieces, at-anchor); ok {
				f.ID = id
				found = append(found, f)
			}
		}
	}
	return found
}

// loudPieces cuts a clip into pieces and gives where those begin that are not silence.
func loudPieces(clip []float64) []int {
	var pieces []int
	for at := 0; at < len(clip); at += pieceLength {
		// A short rest is compared as a part of the last whole piece.
		begin := max(0, min(at, len(clip)-pieceLength))
		piece := clip[begin:min(begin+pieceLength, len(clip))]
		if math.Sqrt(energy(piece)/float64(len(piece))) > silence {
			pieces = append(pieces, begin)
		}
	}
	return pieces
}

func energy(samples []float64) float64 {
	sum := 0.0
	for _, sample := range samples {
		sum += sample * sample
	}
	return sum
}

// peaks gives where a stretch of sound, an anchor's length at most, is in the recording: the local maxima of the normalised
// cross-correlation.
func (s *spectrum) peaks(stretch []float64) []int {
	padded := make([]float64, blockLength)
	copy(padded, stretch)
	wanted := s.transform.Coefficients(nil, padded)
	own := math.Sqrt(energy(stretch)) * blockLength // the transform does not divide by its length
	product := make([]complex128, len(wanted))
	correlation := padded
	var peaks []int
	highest := 0.0
	for i, block := range s.blocks {
		for j, c := range block {
			product[j] = c * cmplx.Conj(wanted[j])
		}
		correlation = s.transform.Sequence(correlation, product)
		start := i * blockStep
		for at := start; at < start+blockStep && at+len(stretch) <= len(s.samples); at++ {
			theirs := s.loudness(at, len(stretch))
			if theirs < silence*math.Sqrt(float64(len(stretch))) {
				continue
			}
			alike := correlation[at-start] / own / theirs
			if alike < anchorAlike {
				continue
			}
			if last := len(peaks) - 1; last >= 0 && at-peaks[last] < len(stretch)/2 {
				if alike > highest {
					peaks[last], highest = at, alike
				}
				continue
			}
			peaks, highest = append(peaks, at), alike
		}
	}
	return peaks
}

// loudness is the square root of the energy of a stretch of the recording.
func (s *spectrum) loudness(at, length int) float64 {
	return math.Sqrt(max(0, s.squares[at+length]-s.squares[at]))
}

// compare compares a clip, piece by piece, with the recording around where it should begin.
func (s *spectrum) compare(clip []float64, pieces []int, begin int) (finding, bool) {
	f := finding{Hit: Hit{At: time.Duration(begin) * time.Second / SampleRate}, begin: math.MaxInt}
	alike := 0
	shift := 0
	for _, piece := range pieces {
		sound := clip[piece:min(piece+pieceLength, len(clip))]
		score, moved := s.match(sound, begin+piece+shift)
		if score < pieceAlike {
			continue
		}
		shift += moved
		alike++
		f.Score += score
		f.begin = min(f.begin, begin+piece+shift)
		f.end = max(f.end, begin+piece+shift+len(sound))
	}
	// Words of the same voice share syllables: a few pieces prove nothing.
	if alike*pieceLength < min(anchorLength, len(pieces)*pieceLength*3/4) {
		return finding{}, false
	}
	f.Score /= float64(alike)
	f.Part = float64(alike) / float64(len(pieces))
	return f, true
}

// match gives the best correlation of a piece with the recording within slack of a place, and how far from there it is.
func (s *spectrum) match(piece []float64, at int) (float64, int) {
	own := math.Sqrt(energy(piece))
	best, moved := 0.0, 0
	for _, offset := range offsets {
		from := at + offset
		if from < 0 || from+len(piece) > len(s.samples) {
			continue
		}
		theirs := s.loudness(from, len(piece))
		if theirs < silence*math.Sqrt(float64(len(piece))) {
			continue
		}
		sum := 0.0
		for i, sample := range piece {
			sum += sample * s.samples[from+i]
		}
		if alike := sum / own / theirs; alike > best {
			best, moved = alike, offset
			if best > 0.95 {
				break // it does not get better elsewhere
			}
		}
	}
	return best, moved
}

// offsets are 0, -1, 1, -2, 2 and so on up to slack.
var offsets = func() []int {
	offsets := []int{0}
	for i := 1; i <= slack; i++ {
		offsets = append(offsets, -i, i)
	}
	return offsets
}()
