package testbed

import "testing"

// The values are those of ITU-T G.711, tables 1a to 2b, on the scale of 16 bits.
func TestG711KnownValues(t *testing.T) {
	for _, test := range []struct {
		codec Codec
		code  byte
		want  int16
	}{
		{PCMU, 0xff, 0}, {PCMU, 0x7f, 0}, {PCMU, 0xfe, 8}, {PCMU, 0xf0, 120}, {PCMU, 0xef, 132},
		{PCMU, 0x80, 32124}, {PCMU, 0x00, -32124}, {PCMU, 0x8f, 16764},
		{PCMA, 0xd5, 8}, {PCMA, 0x55, -8}, {PCMA, 0xd4, 24}, {PCMA, 0xc5, 264}, {PCMA, 0xaa, 32256},
		{PCMA, 0x2a, -32256}, {PCMA, 0x80, 5504},
	} {
		if got := test.codec.decode(test.code); got != test.want {
			t.Errorf("%v: code %#02x is %d, want %d", test.codec, test.code, got, test.want)
		}
	}
}

func TestG711EncodesToTheNearestCode(t *testing.T) {
	for _, codec := range []Codec{PCMU, PCMA} {
		for code := range 256 {
			value := codec.decode(byte(code))
			if back := codec.decode(codec.encode(value)); back != value {
				t.Errorf("%v: %d comes back as %d", codec, value, back)
			}
		}
		for sample := -32768; sample <= 32767; sample++ {
			got := int(codec.decode(codec.encode(int16(sample))))
			// Half a step: the steps are a sixteenth of the segment's width. The top of the scale is cut.
			allowed := max(8, abs(sample)/32+8)
			if abs(sample) > 32124 {
				allowed = 32768 - 32124
			}
			if abs(got-sample) > allowed {
				t.Fatalf("%v: %d comes back as %d", codec, sample, got)
			}
		}
	}
}
