package testbed

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// newVoice makes one second of sound by which a telephone of this name is known: sixteen short tones whose order and
// height follow from the name.
func newVoice(name string) []int16 {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	random := rand.New(rand.NewPCG(hash.Sum64(), 0))
	const tones, loudness = 16, 8000.0
	voice := make([]int16, 0, SampleRate)
	for range tones {
		hertz := 400 + 1600*random.Float64()
		const length = SampleRate / tones
		for i := range length {
			// Each tone swells and fades, so that the joints do not click.
			swell := math.Sin(math.Pi * float64(i) / length)
			voice = append(voice, int16(loudness*swell*math.Sin(2*math.Pi*hertz*float64(i)/SampleRate)))
		}
	}
	return voice
}
