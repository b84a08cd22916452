package dialplan

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// hum is a tone of so many dBFS (of a full-scale sine's peak) for so long.
func hum(rate int, frequency, level float64, d time.Duration) []float32 {
	s := make([]float32, pcm{rate: rate}.count(d))
	for i := range s {
		s[i] = float32(amplitude(level) * math.Sin(2*math.Pi*frequency*float64(i)/float64(rate)))
	}
	return s
}

func join(parts ...[]float32) []float32 {
	var all []float32
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestLevelCountsSpeechOnly(t *testing.T) {
	quiet := make([]float32, 16000)
	tone := hum(16000, 440, -10, time.Second) // -13.0 dBFS of power
	for name, tc := range map[string]struct {
		samples []float32
		want    float64
	}{
		"a tone":               {tone, -13},
		"with pauses":          {join(quiet, tone, quiet, tone, quiet), -13},
		"with noise between":   {join(tone, hum(16000, 300, -40, time.Second)), -13},
		"two levels of speech": {join(tone, hum(16000, 440, -16, time.Second)), -15.05},
		"silence":              {quiet, -120},
		"nothing":              {nil, -120},
	} {
		if got := (pcm{16000, tc.samples}).level(); math.Abs(got-tc.want) > 0.1 {
			t.Errorf("%s: %.2f dBFS, want %.2f", name, got, tc.want)
		}
	}
}

func TestShapeKeepsSoftEdges(t *testing.T) {
	quiet := make([]float32, 8000)
	soft := hum(16000, 3000, -38, 80*time.Millisecond) // as the f of fake, 28 dB below the vowels
	p := pcm{16000, join(quiet, soft, hum(16000, 200, -10, 300*time.Millisecond), soft, quiet, quiet)}
	shaped, err := p.shape(60*time.Millisecond, 250*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	first, end, _ := shaped.audible(-50)
	if sound := (pcm{16000, shaped.samples[first:end]}).length(); sound < 455*time.Millisecond || sound > 461*time.Millisecond {
		t.Errorf("%v of sound are left of 460 ms", sound)
	}
	lead, tail := pcm{16000, shaped.samples[:first]}.length(), pcm{16000, shaped.samples[end:]}.length()
	if lead < 60*time.Millisecond || lead > 80*time.Millisecond || tail < 250*time.Millisecond || tail > 290*time.Millisecond {
		t.Errorf("%v of silence before and %v after, want 60 to 80 and 250 to 290 ms", lead, tail)
	}
	if n := len(shaped.samples); n%320 != 0 {
		t.Errorf("%d samples are no whole number of frames", n)
	}
	if _, err := (pcm{16000, quiet}).shape(0, 0); err == nil {
		t.Error("silence was taken for speech")
	}
}

func TestNormaliseReachesTheLevelWithoutClipping(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]float32, 16000)
	spiky := make([]float32, 16000)
	for i := range noise {
		noise[i] = float32(random.NormFloat64() * 0.001)
		spiky[i] = float32(0.05 * math.Sin(float64(i)/10))
		if i%800 == 0 {
			spiky[i] = 1
		}
	}
	for name, samples := range map[string][]float32{
		"far too quiet": noise, "too loud": hum(16000, 440, 0, time.Second), "spikes": spiky,
	} {
		got := pcm{16000, samples}.normalise()
		if level := got.level(); math.Abs(level-TargetLevel) > 0.2 {
			t.Errorf("%s: level %.2f dBFS, want %.0f", name, level, TargetLevel)
		}
		if peak := got.peak(); peak > PeakLimit {
			t.Errorf("%s: peak %.2f dBFS, want at most %.0f", name, peak, PeakLimit)
		}
	}
}

func TestWAVRoundTrip(t *testing.T) {
	for _, comment := range []string{"", "odd", "even"} {
		p := pcm{8000, []float32{0, 0.5, -0.5, -1, 1}}
		got, gotComment, err := decodeWAV(encodeWAV(p, comment))
		if err != nil || got.rate != 8000 || gotComment != comment || len(got.samples) != 5 {
			t.Fatalf("%+v, %q, %v", got, gotComment, err)
		}
		for i, want := range []float32{0, 0.5, -0.5, -1, 32767.0 / 32768} {
			if got.samples[i] != want {
				t.Errorf("sample %d: %v, want %v", i, got.samples[i], want)
			}
		}
	}
}

// An operator's recording may be any bytes: reading it must not fail badly, nor use more memory than the file is long.
func FuzzDecodeWAV(f *testing.F) {
	whole := encodeWAV(pcm{8000, []float32{0, 0.5, -0.5}}, "comment")
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add([]byte("RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		p, comment, err := decodeWAV(file)
		if err == nil && (p.rate <= 0 || 2*len(p.samples)+len(comment) > len(file)) {
			t.Fatalf("rate %d, %d samples, comment of %d out of %d bytes", p.rate, len(p.samples), len(comment), len(file))
		}
	})
}
