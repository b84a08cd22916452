package testbed

import (
	"fmt"
	"math/bits"
)

// SampleRate is the rate of all sound in this package: 8000 samples a second, each an int16.
const SampleRate = 8000

// Codec is how a telephone encodes sound: one of the two companding laws of ITU-T G.711, one byte a sample.
type Codec int

const (
	PCMU Codec = iota // µ-law, as in North America and Japan
	PCMA              // A-law, as elsewhere
)

// String is the codec's name in SDP.
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	}
	return fmt.Sprintf("Codec(%d)", int(c))
}

// payloadType is the static RTP payload type of RFC 3551.
func (c Codec) payloadType() uint8 {
	if c == PCMA {
		return 8
	}
	return 0
}

func (c Codec) decode(b byte) int16 {
	if c == PCMA {
		return decodeALaw(b)
	}
	return decodeULaw(b)
}

func (c Codec) encode(sample int16) byte {
	if c == PCMA {
		return encodeALaw(sample)
	}
	return encodeULaw(sample)
}

// Both laws are a sign, a segment (an exponent) and four bits of mantissa, some of them inverted on the line. The scale here
// is 16 bits: µ-law's 14 bits are shifted by two, A-law's 13 by three.

const uLawBias = 33 << 2

func decodeULaw(b byte) int16 {
	b = ^b
	magnitude := (int(b&0x0f)<<3+uLawBias)<<(b>>4&7) - uLawBias
	if b&0x80 != 0 {
		return int16(-magnitude)
	}
	return int16(magnitude)
}

func encodeULaw(sample int16) byte {
	magnitude, sign := int(sample), byte(0)
	if magnitude < 0 {
		magnitude, sign = -magnitude, 0x80
	}
	const greatest = 8158 << 2
	biased := uint(min(magnitude, greatest) + uLawBias)
	segment := bits.Len(biased) - 8 // the bias alone has eight bits
	return ^(sign | byte(segment)<<4 | byte(biased>>(segment+3))&0x0f)
}

func decodeALaw(b byte) int16 {
	b ^= 0x55
	magnitude := int(b&0x0f)<<4 + 8 // the middle of the step
	if segment := b >> 4 & 7; segment > 0 {
		magnitude = (magnitude + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return int16(-magnitude)
	}
	return int16(magnitude)
}

func encodeALaw(sample int16) byte {
	magnitude, sign := int(sample), byte(0x80)
	if magnitude < 0 {
		magnitude, sign = -magnitude-1, 0
	}
	segment := bits.Len(uint(magnitude) >> 8)
	mantissa := magnitude >> (max(segment, 1) + 3)
	return (sign | byte(segment)<<4 | byte(mantissa)&0x0f) ^ 0x55
}
