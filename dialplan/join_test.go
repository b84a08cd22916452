package dialplan

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestJoin wants clips one behind the other at the best rate that all have, and no file outside of the language's folder.
func TestJoin(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, content []byte) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	clip := func(rate int, samples ...float32) []byte { return encodeWAV(pcm{rate, samples}, "clip") }
	put("en/linewarden/warn.wav", clip(8000, .5, .25))
	put("en/linewarden/warn.wav16", clip(16000, .5, .5, .25, .25))
	put("en/linewarden/advice.wav", clip(8000, -.5))
	put("en/linewarden/advice.wav16", clip(16000, -.5, -.5))
	put("en/linewarden/brand/amazon.wav", clip(8000, .125))
	put("en/linewarden/blocked.ulaw", []byte("a recording"))
	put("en/linewarden/whisper.wav", clip(44100, .5))
	put("en/linewarden/no-key.wav", clip(8000))
	put("secret.wav", clip(8000, .5))
	if err := os.Symlink(filepath.Join(dir, "secret.wav"), filepath.Join(dir, "en/linewarden/helpline.wav")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		language string
		media    []string
		rate     int // 0: there is no sound of it
		samples  []float32
	}{
		"at the better rate":     {"en", []string{"sound:linewarden/warn", "linewarden/advice"}, 16000, []float32{.5, .5, .25, .25, -.5, -.5}},
		"at the rate of all":     {"en", []string{"linewarden/warn", "linewarden/brand/amazon"}, 8000, []float32{.5, .25, .125}},
		"one is missing":         {"en", []string{"linewarden/warn", "linewarden/choices"}, 0, nil},
		"one in another format":  {"en", []string{"linewarden/blocked"}, 0, nil},
		"of another rate":        {"en", []string{"linewarden/whisper"}, 0, nil},
		"nothing is said":        {"en", nil, 0, nil},
		"an empty sound":         {"en", []string{"linewarden/no-key"}, 0, nil},
		"language without any":   {"fr", []string{"linewarden/warn"}, 0, nil},
		"no language":            {"xx", []string{"linewarden/warn"}, 0, nil},
		"no language, but a way": {"../en", []string{"linewarden/warn"}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := Join(dir, tc.language, tc.media)
			if tc.rate == 0 {
				if !errors.Is(err, ErrNoSound) || file != nil {
					t.Fatalf("got %v and %d bytes", err, len(file))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := decodeWAV(file)
			if err != nil || got.rate != tc.rate || !slices.Equal(got.samples, tc.samples) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	for _, outside := range []string{"../../secret", "linewarden/../../secret", "linewarden/helpline", filepath.Join(dir, "secret")} {
		if file, err := Join(dir, "en", []string{outside}); err == nil || file != nil {
			t.Errorf("%s was read", outside)
		}
	}
}
