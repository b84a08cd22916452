package dialplan

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os/exec"
	"strconv"
	"strings"
)

// A synthesiser speaks by espeak-ng and changes sampling rates by sox. It talks to both through pipes alone, so that they may run
// where they see other files than we do.
type synthesiser struct {
	run func(ctx context.Context, name string, args ...string) *exec.Cmd
}

// recipe is part of what a built clip remembers: a change here or in sound.go that changes clips needs a new number.
const recipe = "1"

// speak says a script in a language and gives it in each of the rates, shaped and normalised.
func (s synthesiser) speak(ctx context.Context, l Language, clip script, rates []int) ([]pcm, error) {
	spoken, err := s.pipe(ctx, []byte(clip.text), "espeak-ng",
		"-b", "1", "-v", l.voice, "-s", strconv.Itoa(l.speed), "--stdin", "--stdout")
	if err != nil {
		return nil, err
	}
	lead, tail := leadJoint, tailJoint
	if clip.opens {
		lead = leadOpening
	}
	if clip.ends {
		tail = tailEnding
	}
	// Cut once, at the highest rate, so that a clip is equally long at all. A telephone carries nothing below 150 Hz but hum.
	const high = 16000
	wide, err := s.sox(ctx, spoken, []string{"-t", "wav", "--ignore-length"}, high, "gain", "-6", "highpass", "150")
	if err != nil {
		return nil, err
	}
	if wide, err = wide.shape(lead, tail); err != nil {
		return nil, fmt.Errorf("what espeak-ng said: %w", err)
	}
	var sounds []pcm
	for _, rate := range rates {
		sound := wide
		if rate != high {
			if sound, err = s.sox(ctx, wide.raw(), rawFormat(high), rate); err != nil {
				return nil, err
			}
		}
		sounds = append(sounds, sound.normalise())
	}
	return sounds, nil
}

// sox converts sound to a rate, after the effects.
func (s synthesiser) sox(ctx context.Context, input []byte, format []string, rate int, effects ...string) (pcm, error) {
	args := append([]string{"-V1", "-D"}, format...)
	args = append(append(args, "-"), rawFormat(rate)...)
	args = append(append(args, "-"), effects...)
	out, err := s.pipe(ctx, input, "sox", append(args, "rate", "-v", strconv.Itoa(rate))...)
	if err != nil {
		return pcm{}, err
	}
	p := pcm{rate, make([]float32, len(out)/4)}
	for i := range p.samples {
		p.samples[i] = math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:]))
	}
	return p, nil
}

func rawFormat(rate int) []string {
	return []string{"-t", "raw", "-e", "floating-point", "-b", "32", "-L", "-c", "1", "-r", strconv.Itoa(rate)}
}

// raw is the sound in rawFormat.
func (p pcm) raw() []byte {
	b := make([]byte, 0, 4*len(p.samples))
	for _, s := range p.samples {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(s))
	}
	return b
}

func (s synthesiser) pipe(ctx context.Context, input []byte, name string, args ...string) ([]byte, error) {
	cmd := s.run(ctx, name, args...)
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &complaint
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not installed; prompts are built with the Debian packages espeak-ng and sox: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}
