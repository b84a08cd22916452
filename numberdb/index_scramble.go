package numberdb

import "math/rand/v2"

// scramble is a secret permutation of the 50-bit numbers: four Feistel rounds, each with the upper bits of a product with secret
// factors as its function (M. Luby and C. Rackoff 1988 say why four; M. Dietzfelbinger 1996 why these products). Numbers that
// somebody chose without knowing the secret lie as if drawn at random.
type scramble [4]struct{ add, factor uint64 }

// newScramble draws a secret.
func newScramble() scramble {
	var s scramble
	for i := range s {
		s[i].add, s[i].factor = rand.Uint64(), rand.Uint64()|1
	}
	return s
}

const (
	halfBits = numberBits / 2
	halfMask = 1<<halfBits - 1
)

// round is the function of one round.
func (s *scramble) round(i int, half uint64) uint64 {
	return (half + s[i].add) * s[i].factor >> (64 - halfBits)
}

// forward permutes a number below 2^50. It is written out so that the compiler inlines it.
func (s *scramble) forward(v uint64) uint64 {
	left, right := v>>halfBits, v&halfMask
	left ^= (right + s[0].add) * s[0].factor >> (64 - halfBits)
	right ^= (left + s[1].add) * s[1].factor >> (64 - halfBits)
	left ^= (right + s[2].add) * s[2].factor >> (64 - halfBits)
	right ^= (left + s[3].add) * s[3].factor >> (64 - halfBits)
	return left<<halfBits | right
}

// backward undoes forward.
func (s *scramble) backward(v uint64) uint64 {
	left, right := v>>halfBits, v&halfMask
	right ^= s.round(3, left)
	left ^= s.round(2, right)
	right ^= s.round(1, left)
	left ^= s.round(0, right)
	return left<<halfBits | right
}
