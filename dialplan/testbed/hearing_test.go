package testbed

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pion/rtp"
)

// speak says a text with espeak-ng, as the real prompts are made.
func speak(t *testing.T, text string) []int16 {
	t.Helper()
	ctx := soon(t)
	tools, err := Prepare(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	espeak := tools.Command(ctx, "espeak-ng", "-v", "en", "--stdin", "--stdout")
	espeak.Stdin = strings.NewReader(text)
	spoken, err := espeak.Output()
	if err != nil {
		t.Fatalf("espeak-ng: %v", err)
	}
	sox := tools.Command(ctx, "sox", "-t", "wav", "--ignore-length", "-", "-t", "wav", "-r", "8000", "-b", "16", "-c", "1", "-",
		"gain", "-n", "-6")
	sox.Stdin = bytes.NewReader(spoken)
	wav, err := sox.Output()
	if err != nil {
		t.Fatalf("sox: %v", err)
	}
	sound, err := LoadSound(fstest.MapFS{"spoken.wav": {Data: wav}}, "spoken.wav")
	if err != nil {
		t.Fatal(err)
	}
	if len(sound) < SampleRate/5 {
		t.Fatalf("%q is only %d samples long", text, len(sound))
	}
	return sound
}

// The prompts of these tests: alike in voice, some alike in their beginnings.
var spokenPrompts = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"warning":  "Please stop for a moment. The number that you dialled was reported as a fake support line.",
		"blocked":  "Please stop for a moment. The number that you dialled is blocked.",
		"amazon":   "Amazon",
		"apple":    "Apple",
		"advice":   "never asks for payment by phone, for a code, or for access to your computer.",
		"keys":     "Press one to go on. Press two to talk to a helpline.",
		"helpline": "You are being connected to the helpline.",
	}
})

func speakPrompts(t *testing.T) map[string][]int16 {
	prompts := map[string][]int16{}
	for id, text := range spokenPrompts() {
		prompts[id] = speak(t, text)
	}
	return prompts
}

// overTheLine is what a telephone hears of a sound: coded, quieter, and one packet in fifty lost.
func overTheLine(codec Codec, sounds ...[]int16) []int16 {
	line := &recording{codec: codec, grown: func() {}}
	random := rand.New(rand.NewPCG(1, 2))
	packet := rtp.Packet{Header: rtp.Header{SequenceNumber: 1<<16 - 50}} // it wraps around
	for rest := slices.Concat(sounds...); len(rest) > 0; rest = rest[min(packetSamples, len(rest)):] {
		packet.Payload = nil
		for _, sample := range rest[:min(packetSamples, len(rest))] {
			packet.Payload = append(packet.Payload, codec.encode(sample/3))
		}
		if random.IntN(50) > 0 {
			line.add(&packet)
		}
		packet.SequenceNumber++
	}
	return line.copy()
}

func pause(seconds float64) []int16 { return make([]int16, int(seconds*SampleRate)) }

func ids(hits []Hit) []string {
	var ids []string
	for _, hit := range hits {
		ids = append(ids, hit.ID)
	}
	return ids
}

func TestHeardTellsThePromptsInOrder(t *testing.T) {
	t.Parallel()
	prompts := speakPrompts(t)
	voice := newVoice("helpline")
	prompts["voice of helpline"] = voice
	prompts["voice of alice"] = newVoice("alice")
	for name, test := range map[string]struct {
		sounds [][]int16
		want   []string
	}{
		"nothing":     {[][]int16{pause(3)}, nil},
		"no sound":    {nil, nil},
		"one":         {[][]int16{pause(0.3), prompts["warning"]}, []string{"warning"}},
		"other order": {[][]int16{prompts["keys"], prompts["apple"], pause(0.2), prompts["warning"]}, []string{"keys", "apple", "warning"}},
		"amazon": {[][]int16{pause(1), prompts["warning"], prompts["amazon"], prompts["advice"], pause(0.1), prompts["keys"]},
			[]string{"warning", "amazon", "advice", "keys"}},
		"apple": {[][]int16{pause(1), prompts["warning"], prompts["apple"], prompts["advice"], pause(0.1), prompts["keys"]},
			[]string{"warning", "apple", "advice", "keys"}},
		"alike beginnings": {[][]int16{prompts["blocked"], pause(1), prompts["warning"]}, []string{"blocked", "warning"}},
		"twice":            {[][]int16{prompts["keys"], pause(1), prompts["keys"]}, []string{"keys", "keys"}},
		"voice":            {[][]int16{prompts["helpline"], voice, voice}, []string{"helpline", "voice of helpline", "voice of helpline"}},
		"unknown prompt":   {[][]int16{speak(t, "Your appointment with the dentist is on Thursday at ten.")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			codec := PCMU
			if len(test.sounds)%2 == 0 {
				codec = PCMA
			}
			hits := Heard(overTheLine(codec, test.sounds...), prompts)
			if !slices.Equal(ids(hits), test.want) {
				t.Errorf("%v: heard %+v, want %v", codec, hits, test.want)
			}
			for _, hit := range hits {
				if hit.Part < 0.9 || hit.Score < 0.85 {
					t.Errorf("%v: %s was played whole, but is %+v", codec, hit.ID, hit)
				}
			}
		})
	}
}

func TestHeardTellsWhereAPromptWasCut(t *testing.T) {
	t.Parallel()
	prompts := speakPrompts(t)
	keys := prompts["keys"]
	for _, part := range []float64{0.3, 0.5, 0.8} {
		cut := keys[:int(part*float64(len(keys)))]
		hits := Heard(overTheLine(PCMU, pause(0.5), cut, pause(0.1), prompts["helpline"]), prompts)
		if !slices.Equal(ids(hits), []string{"keys", "helpline"}) {
			t.Errorf("cut at %v: heard %+v", part, hits)
			continue
		}
		if hits[0].Part < part-0.15 || hits[0].Part > part+0.15 {
			t.Errorf("cut at %v: heard %v of it", part, hits[0].Part)
		}
		if off := hits[0].At - 500*time.Millisecond; off < -5*time.Millisecond || off > 5*time.Millisecond {
			t.Errorf("cut at %v: heard at %v, want 0.5 s", part, hits[0].At)
		}
	}
	// Who begins to listen late hears the rest.
	late := Heard(overTheLine(PCMU, keys[len(keys)/4:]), prompts)
	if !slices.Equal(ids(late), []string{"keys"}) || late[0].At >= 0 || late[0].Part > 0.85 {
		t.Errorf("of the last three quarters: %+v", late)
	}
}

func TestHeardSurvivesAnyInput(t *testing.T) {
	for name, prompt := range map[string][]int16{"empty": {}, "one sample": {9000}, "silence": pause(1), "loud": slices.Repeat([]int16{32767, -32768}, 4000)} {
		for _, recording := range [][]int16{nil, {1}, pause(2), slices.Repeat([]int16{32767, -32768}, 8000)} {
			for _, hit := range Heard(recording, map[string][]int16{name: prompt}) {
				if name != "loud" || len(recording) != 16000 {
					t.Errorf("%s heard in %d samples: %+v", name, len(recording), hit)
				}
			}
		}
	}
}

func TestRecordingFollowsSequenceNumbers(t *testing.T) {
	packet := func(ssrc uint32, number uint16, value int16) *rtp.Packet {
		return &rtp.Packet{Header: rtp.Header{SSRC: ssrc, SequenceNumber: number},
			Payload: bytes.Repeat([]byte{PCMU.encode(value)}, packetSamples)}
	}
	for name, test := range map[string]struct {
		packets []*rtp.Packet
		want    []int16 // one value for each 20 ms
	}{
		"in order":         {[]*rtp.Packet{packet(1, 100, 8), packet(1, 101, 16)}, []int16{8, 16}},
		"lost":             {[]*rtp.Packet{packet(1, 100, 8), packet(1, 102, 16)}, []int16{8, 0, 16}},
		"late":             {[]*rtp.Packet{packet(1, 100, 8), packet(1, 102, 24), packet(1, 101, 16), packet(1, 103, 32)}, []int16{8, 16, 24, 32}},
		"twice":            {[]*rtp.Packet{packet(1, 100, 8), packet(1, 100, 8), packet(1, 101, 16)}, []int16{8, 16}},
		"wraps around":     {[]*rtp.Packet{packet(1, 65535, 8), packet(1, 0, 16), packet(1, 2, 24)}, []int16{8, 16, 0, 24}},
		"other sender":     {[]*rtp.Packet{packet(1, 100, 8), packet(2, 102, 16)}, []int16{8, 16}},
		"far leap":         {[]*rtp.Packet{packet(1, 100, 8), packet(1, 20000, 16)}, []int16{8, 16}},
		"before the start": {[]*rtp.Packet{packet(1, 100, 8), packet(1, 99, 16)}, []int16{8}},
		"empty":            {[]*rtp.Packet{packet(1, 100, 8), {}}, []int16{8}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recording{grown: func() {}}
			for _, p := range test.packets {
				r.add(p)
			}
			var got []int16
			for i, sample := range r.copy() {
				if i%packetSamples == 0 {
					got = append(got, sample)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestLoadSound(t *testing.T) {
	wav := func(format, channels uint16, rate uint32, width uint16, samples ...int16) []byte {
		var data bytes.Buffer
		for _, part := range []any{[]byte("RIFF\xff\xff\xff\xffWAVELIST\x03\x00\x00\x00abc\x00fmt \x10\x00\x00\x00"), format, channels, rate,
			rate * 2, uint16(2), width, []byte("data"), uint32(2 * len(samples)), samples} {
			if err := binary.Write(&data, binary.LittleEndian, part); err != nil {
				t.Fatal(err)
			}
		}
		return data.Bytes()
	}
	good := wav(1, 1, 8000, 16, 1, -2, 300)
	endless := slices.Clone(good)
	copy(endless[len(good)-10:], []byte{0xff, 0xff, 0xff, 0x7f})
	for name, test := range map[string]struct {
		file    string
		content []byte
		want    []int16
		wrong   string
	}{
		"wav":          {"a.wav", good, []int16{1, -2, 300}, ""},
		"piped wav":    {"a.wav", endless, []int16{1, -2, 300}, ""},
		"sln":          {"a.sln", []byte{1, 0, 0xfe, 0xff}, []int16{1, -2}, ""},
		"16 kHz":       {"a.wav", wav(1, 1, 16000, 16, 1), nil, "16000"},
		"stereo":       {"a.wav", wav(1, 2, 8000, 16, 1), nil, "2 channels"},
		"mu-law":       {"a.wav", wav(7, 1, 8000, 8, 1), nil, "format 7"},
		"not wav":      {"a.wav", []byte("hello"), nil, "no RIFF"},
		"cut":          {"a.wav", good[:40], nil, "format"},
		"no data":      {"a.wav", good[:48], nil, "no data"},
		"unknown kind": {"a.mp3", good, nil, "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := LoadSound(fstest.MapFS{test.file: {Data: test.content}}, test.file)
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("got %v (%v), want an error about %q", got, err, test.wrong)
				}
				return
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v (%v), want %v", got, err, test.want)
			}
		})
	}
	if _, err := LoadSound(fstest.MapFS{}, "gone.wav"); err == nil {
		t.Error("a missing file is no error")
	}
}

func FuzzLoadSound(f *testing.F) {
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x02\x00\x00\x00\x01\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		sound, err := LoadSound(fstest.MapFS{"a.wav": {Data: content}}, "a.wav")
		if err == nil && len(sound)*2 > len(content) {
			t.Errorf("%d samples out of %d bytes", len(sound), len(content))
		}
	})
}

func BenchmarkHeard(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(seconds int) []int16 {
		sound := make([]int16, seconds*SampleRate)
		for i := range sound {
			sound[i] = int16(random.IntN(20000) - 10000)
		}
		return sound
	}
	prompts := map[string][]int16{"played": noise(5), "not played": noise(5)}
	recording := slices.Concat(noise(20), prompts["played"], noise(5))
	for b.Loop() {
		if hits := Heard(recording, prompts); len(hits) != 1 {
			b.Fatal(hits)
		}
	}
}
