package dialplan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoSound says that there is no sound of something that could be heard by people who do not call.
var ErrNoSound = errors.New("there is no sound of it")

// maxSound bounds a clip's file in bytes: four minutes at 16 kHz.
const maxSound = 8 << 20

// Join puts sounds of [Voice.Media], with or without "sound:" before them, one behind the other as a caller of a language hears them: one WAV
// file (RIFF, 16-bit mono PCM), of 16 kHz where all of them are there at that rate, and of 8 kHz otherwise. dir is Asterisk's folder of sounds,
// as in [BuildOptions]. The error wraps [ErrNoSound] for a language without texts, for no sounds at all, and for a clip that is missing, or
// recorded in another format than ours.
func Join(dir, language string, media []string) ([]byte, error) {
	if _, err := languageOf(language); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSound, err)
	}
	root, err := os.OpenRoot(filepath.Join(dir, language))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoSound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("join sounds: %w", err)
	}
	defer root.Close() // only read from: nothing can be lost
	joined, err := joinAt(root, 16000, media)
	if errors.Is(err, ErrNoSound) {
		return joinAt(root, 8000, media)
	}
	return joined, err
}

// joinAt does so at one rate.
func joinAt(root *os.Root, rate int, media []string) ([]byte, error) {
	whole := pcm{rate: rate}
	for _, m := range media {
		name := strings.TrimPrefix(m, "sound:")
		file, err := readSound(root, filepath.FromSlash(name)+rateSuffixes[rate])
		if err != nil {
			return nil, err
		}
		clip, _, err := decodeWAV(file)
		if err != nil || clip.rate != rate {
			return nil, fmt.Errorf("%w: %s is recorded in another format", ErrNoSound, name)
		}
		whole.samples = slices.Concat(whole.samples, clip.samples)
	}
	if len(whole.samples) == 0 {
		return nil, ErrNoSound
	}
	return encodeWAV(whole, "joined by linewarden"), nil
}

// readSound reads a file that lies below a language's folder; nothing else can be read by any name.
func readSound(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoSound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read a sound: %w", err)
	}
	defer f.Close() // only read from: nothing can be lost
	file, err := io.ReadAll(io.LimitReader(f, maxSound))
	if err != nil {
		return nil, fmt.Errorf("read a sound: %w", err)
	}
	return file, nil
}
