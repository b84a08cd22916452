package testbed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// LoadSound reads a prompt for [Heard]: a .wav file (16-bit PCM, one channel, 8000 samples a second) or an .sln file (the
// same without a header), as Asterisk plays them.
func LoadSound(files fs.FS, name string) ([]int16, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("reading a sound: %w", err)
	}
	switch path.Ext(name) {
	case ".sln":
		return samples(content), nil
	case ".wav":
		data, err := wavData(content)
		if err != nil {
			return nil, fmt.Errorf("reading the sound %s: %w", name, err)
		}
		return samples(data), nil
	}
	return nil, fmt.Errorf("reading the sound %s: it is neither .wav nor .sln", name)
}

func samples(littleEndian []byte) []int16 {
	out := make([]int16, len(littleEndian)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(littleEndian[2*i:]))
	}
	return out
}

// wavData finds the samples in a RIFF WAVE file.
func wavData(content []byte) ([]byte, error) {
	if len(content) < 12 || string(content[:4]) != "RIFF" || string(content[8:12]) != "WAVE" {
		return nil, errors.New("it is no RIFF WAVE file")
	}
	known := false
	for rest := content[12:]; len(rest) >= 8; {
		kind, length := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		// sox writes a length of -1 or so to a pipe, where it cannot go back: the data is then the rest.
		chunk := rest[8:][:min(length, int64(len(rest)-8))]
		switch kind {
		case "fmt ":
			if len(chunk) < 16 {
				return nil, errors.New("its format is cut short")
			}
			format, channels := binary.LittleEndian.Uint16(chunk), binary.LittleEndian.Uint16(chunk[2:])
			rate, width := binary.LittleEndian.Uint32(chunk[4:]), binary.LittleEndian.Uint16(chunk[14:])
			if format != 1 || channels != 1 || rate != SampleRate || width != 16 {
				return nil, fmt.Errorf("it has format %d, %d channels, %d samples a second of %d bits; wanted PCM (1), "+
					"one channel, %d samples of 16 bits", format, channels, rate, width, SampleRate)
			}
			known = true
		case "data":
			if !known {
				return nil, errors.New("its data comes before its format")
			}
			return chunk, nil
		}
		rest = rest[8:][min(length+length%2, int64(len(rest)-8)):]
	}
	return nil, errors.New("it has no data")
}
