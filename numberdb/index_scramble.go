package numberdb

import "math/rand/v2"

// scramble is a secret permutation of the 50-bit numbers: four Feistel rounds, each with the upper bits of a product with secret
// factors as its function (M. Luby and C. Rackoff 1988 say why four; M. Dietzfelbinger 1996 why these products). Numbers that
// somebody chose without knowing the secret lie as if drawn at random.
type scramble struct{ first, second, third, fourth round }

// round is the secret of one round.
type round struct{ add, factor uint64 }

// newScramble draws a secret.
func newScramble() scramble {
	draw := func() round { return round{rand.Uint64(), rand.Uint64() | 1} }
	return scramble{draw(), draw(), draw(), draw()}
}

const (
	halfBits  = numberBits / 2
	halfMask  = 1<<halfBits - 1
	upperHalf = 64 - halfBits // the bits below the upper ones of a product
)

// forward permutes a number below 2^50. It is written out so that it is inlined.
func (s *scramble) forward(v uint64) uint64 {
	left, right := v>>halfBits, v&halfMask
	left ^= (right + s.first.add) * s.first.factor >> upperHalf
	right ^= (left + s.second.add) * s.second.factor >> upperHalf
	left ^= (right + s.third.add) * s.third.factor >> upperHalf
	right ^= (left + s.fourth.add) * s.fourth.factor >> upperHalf
	return left<<halfBits | right
}

// backward undoes forward.
func (s *scramble) backward(v uint64) uint64 {
	left, right := v>>halfBits, v&halfMask
	right ^= (left + s.fourth.add) * s.fourth.factor >> upperHalf
	left ^= (right + s.third.add) * s.third.factor >> upperHalf
	right ^= (left + s.second.add) * s.second.factor >> upperHalf
	left ^= (right + s.first.add) * s.first.factor >> upperHalf
	return left<<halfBits | right
}
