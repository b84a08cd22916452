package dialplan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
)

// errWAV is the fault of a file that is not a WAV file of 16-bit mono.
var errWAV = errors.New("not a WAV file of 16-bit mono PCM")

// encodeWAV makes a WAV file of 16-bit samples that Asterisk plays, with a comment in front of the sound.
func encodeWAV(p pcm, comment string) []byte {
	text := comment + "\x00"
	if len(text)%2 == 1 {
		text += "\x00"
	}
	le := binary.LittleEndian
	var b bytes.Buffer
	chunk := func(id string, body []byte) {
		b.WriteString(id)
		b.Write(le.AppendUint32(nil, uint32(len(body))))
		b.Write(body)
	}
	format := le.AppendUint16(le.AppendUint16(nil, 1), 1) // PCM, mono
	format = le.AppendUint32(le.AppendUint32(format, uint32(p.rate)), uint32(2*p.rate))
	format = le.AppendUint16(le.AppendUint16(format, 2), 16)
	info := append([]byte("INFOICMT"), le.AppendUint32(nil, uint32(len(text)))...)
	data := make([]byte, 0, 2*len(p.samples))
	for _, s := range p.samples {
		value := math.Round(float64(s) * 32768)
		data = le.AppendUint16(data, uint16(int16(max(-32768, min(32767, value)))))
	}
	b.WriteString("WAVE")
	chunk("fmt ", format)
	chunk("LIST", append(info, text...))
	chunk("data", data)
	file := append([]byte("RIFF"), le.AppendUint32(nil, uint32(b.Len()))...)
	return append(file, b.Bytes()...)
}

// decodeWAV reads a WAV file of 16-bit mono, and its comment if it has one.
func decodeWAV(file []byte) (p pcm, comment string, err error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return pcm{}, "", errWAV
	}
	le := binary.LittleEndian
	for rest := file[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), int(le.Uint32(rest[4:8]))
		rest = rest[8:]
		body := rest[:min(size, len(rest))] // the data of a recorder that was cut off is shorter than it says
		rest = rest[min(size+size%2, len(rest)):]
		switch id {
		case "fmt ":
			if len(body) < 16 || le.Uint16(body) != 1 || le.Uint16(body[2:]) != 1 || le.Uint16(body[14:]) != 16 {
				return pcm{}, "", errWAV
			}
			p.rate = int(le.Uint32(body[4:]))
		case "LIST":
			if len(body) >= 12 && string(body[:8]) == "INFOICMT" {
				comment = strings.TrimRight(string(body[12:]), "\x00")
			}
		case "data":
			if p.rate < 1000 || p.rate > 192000 {
				return pcm{}, "", errWAV
			}
			p.samples = make([]float32, len(body)/2)
			for i := range p.samples {
				p.samples[i] = float32(int16(le.Uint16(body[2*i:]))) / 32768
			}
			return p, comment, nil
		}
	}
	return pcm{}, "", errWAV
}
