package dialplan

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linewarden/linewarden/dialplan/testbed"
)

// firstKeyWithin is the promise to a warned caller: by then they know the first key.
const firstKeyWithin = 7 * time.Second

// All clips of all languages, made by the real voice and measured.
func TestPromptsAsTheySound(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	tools, err := testbed.Prepare(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	last := 0
	clips, err := Build(ctx, BuildOptions{Dir: dir, Run: tools.Command, Progress: func(done, total int) {
		if done != last+1 || total != len(Languages())*(len(prompts)+2*3+len(brands)) {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}})
	if err != nil {
		t.Fatal(err)
	}
	if last != len(clips) {
		t.Errorf("progress ended at %d of %d", last, len(clips))
	}

	lengths := make(map[string]time.Duration)
	for _, c := range clips {
		where := c.Language + " " + c.Name
		lengths[where] = c.Length
		if c.Source != SourceBuilt || len(c.Files) != 2 {
			t.Errorf("%s: %s, files %q", where, c.Source, c.Files)
			continue
		}
		shortest, longest := 300*time.Millisecond, 12*time.Second
		if c.Length < shortest || c.Length > longest {
			t.Errorf("%s: %v long, want %v to %v", where, c.Length, shortest, longest)
		}
		if c.Peak > PeakLimit || c.Level < TargetLevel-0.5 || c.Level > TargetLevel+0.5 {
			t.Errorf("%s: peak %.1f, level %.1f dBFS, want at most %.0f and about %.0f", where, c.Peak, c.Level, PeakLimit, TargetLevel)
		}
		lead, tail := leadJoint, tailJoint
		if c.script.opens {
			lead = leadOpening
		}
		if c.script.ends {
			tail = tailEnding
		}
		// The guard and the rounding to whole frames come on top.
		if c.LeadingSilence < lead || c.LeadingSilence > lead+25*time.Millisecond ||
			c.TrailingSilence < tail || c.TrailingSilence > tail+60*time.Millisecond {
			t.Errorf("%s: silence of %v and %v, want about %v and %v", where, c.LeadingSilence, c.TrailingSilence, lead, tail)
		}
		for _, file := range c.Files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, _, err := decodeWAV(content)
			if err != nil {
				t.Fatal(err)
			}
			rate := p.rate
			if p.length() != c.Length {
				t.Errorf("%s: %v at %d Hz, %v otherwise", where, p.length(), rate, c.Length)
			}
			edge := p.count(time.Millisecond)
			for name, part := range map[string][]float32{"first": p.samples[:edge], "last": p.samples[len(p.samples)-edge:]} {
				if peak := (pcm{rate, part}).peak(); peak > -60 {
					t.Errorf("%s: the %s millisecond at %d Hz is at %.1f dBFS: clipped", where, name, rate, peak)
				}
			}
		}
	}

	t.Run("first key", func(t *testing.T) {
		for _, l := range Languages() {
			for _, p := range []Prompt{PromptChoices, PromptChoicesNoHelpline, PromptChoicesKey, PromptChoicesKeyNoHelpline} {
				text, err := Text(l.Code, p, "")
				if err != nil {
					t.Fatal(err)
				}
				// The first key is offered by the first sentence.
				sentence := text[:strings.IndexAny(text, ".。।")]
				spoken, err := synthesiser{tools.Command}.speak(ctx, l, script{text: sentence, opens: true}, []int{8000})
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range append(Brands(), Brand{}) {
					until := spoken[0].length()
					for _, clip := range NewVoice().clips(PromptWarn, b.Slug) {
						until += lengths[l.Code+" "+clip]
					}
					if until > firstKeyWithin {
						t.Errorf("%s %s, brand %q: %v until the first key", l.Code, p, b.Slug, until)
					}
				}
			}
		}
	})

	t.Run("a second build does nothing", func(t *testing.T) {
		var runs atomic.Int64
		again, err := Build(ctx, BuildOptions{Dir: dir, Run: func(ctx context.Context, name string, args ...string) *exec.Cmd {
			runs.Add(1)
			return tools.Command(ctx, name, args...)
		}})
		if err != nil || len(again) != len(clips) || runs.Load() != 0 {
			t.Errorf("%d clips after %d runs, %v; want %d after none", len(again), runs.Load(), err, len(clips))
		}
	})

	t.Run("tables", func(t *testing.T) {
		var table, summary bytes.Buffer
		if err := errors.Join(WriteTable(&table, clips), WriteSummary(&summary, clips)); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(table.String(), "\n"); n != len(clips)+1 {
			t.Errorf("the table has %d lines for %d clips", n, len(clips))
		}
		t.Logf("\n%s", summary.String())
	})
}

func TestRecordingsWin(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	tools, err := testbed.Prepare(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := BuildOptions{Dir: t.TempDir(), Languages: []string{"en"}, Run: tools.Command}
	folder := filepath.Join(o.Dir, "en", "linewarden")
	write := func(name string, content []byte) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Join(folder, "brand"), 0o755), os.WriteFile(filepath.Join(folder, name), content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	build := func() map[string]Clip {
		t.Helper()
		clips, err := Build(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		byName := make(map[string]Clip)
		for _, c := range clips {
			byName[c.Name] = c
		}
		return byName
	}
	expect := func(c Clip, source Source, files ...string) {
		t.Helper()
		var got []string
		for _, f := range c.Files {
			got = append(got, filepath.Base(f))
		}
		if c.Source != source || strings.Join(got, " ") != strings.Join(files, " ") {
			t.Errorf("%s: %s with %q, want %s with %q", c.Name, c.Source, got, source, files)
		}
	}
	studio := encodeWAV(pcm{8000, hum(8000, 440, -10, time.Second)}, "a studio")
	write("advice.wav", studio)                                                                // before the first build
	write("brand/amazon.gsm", []byte("not a WAV"))                                             // in a format that we cannot measure
	write("warn.wav", encodeWAV(pcm{8000, hum(8000, 440, -10, time.Second)}, stampPrefix+"0")) // ours, of another text
	clips := build()
	expect(clips["advice"], SourceRecorded, "advice.wav")
	expect(clips["brand/amazon"], SourceRecorded, "amazon.gsm")
	expect(clips["warn"], SourceBuilt, "warn.wav", "warn.wav16")
	if c := clips["advice"]; c.Length != time.Second || c.LeadingSilence > time.Millisecond {
		t.Errorf("the recording was measured as %v, silence %v", c.Length, c.LeadingSilence)
	}

	write("warn.wav", studio) // over ours: the 16 kHz file of the voice must go too
	clips = build()
	expect(clips["warn"], SourceRecorded, "warn.wav")
	if got, err := os.ReadFile(filepath.Join(folder, "warn.wav")); err != nil || !bytes.Equal(got, studio) {
		t.Errorf("the recording was touched: %v", err)
	}

	if err := os.Remove(filepath.Join(folder, "warn.wav")); err != nil {
		t.Fatal(err)
	}
	expect(build()["warn"], SourceBuilt, "warn.wav", "warn.wav16")

	o.Rates = []int{44100}
	if _, err := Build(ctx, o); err == nil {
		t.Error("a rate that Asterisk does not play was accepted")
	}
}

func TestBuildWithoutTools(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	o := BuildOptions{Dir: t.TempDir(), Languages: []string{"en"}, Run: func(ctx context.Context, name string, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "linewarden-test-no-such-"+name, args...)
	}}
	_, err := Build(ctx, o)
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "Debian packages espeak-ng and sox") {
		t.Errorf("%v, want the packages to install", err)
	}
	o.Run = func(ctx context.Context, name string, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "sh", "-c", "echo no such voice >&2; exit 1")
	}
	if _, err := Build(ctx, o); err == nil || !strings.Contains(err.Error(), "no such voice") {
		t.Errorf("%v, want what the tool complained of", err)
	}
	clips, err := List(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clips {
		if c.Source != SourceMissing {
			t.Errorf("%s is %s after failed builds", c.Name, c.Source)
		}
	}
}
