package dialplan

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// BuildOptions say which sound files to make, and where.
type BuildOptions struct {
	// Dir is Asterisk's folder of sounds. Clips become Dir/<language>/linewarden/<name>.wav (8 kHz) and .wav16 (16 kHz); Asterisk takes
	// the one that suits a call.
	//
	// A studio recording wins over the voice: put it there under the same name, in any format that Asterisk plays. Build never
	// overwrites a file that it did not make, and removes its own files of that clip so that a call never gets the wrong one. To have
	// the voice back, remove the recording and build again.
	Dir string
	// Languages are codes; empty for all.
	Languages []string
	// Rates are 8000, 16000 or both; empty for both.
	Rates []int
	// Run makes the commands that run espeak-ng and sox; nil for exec.CommandContext. They are spoken to through pipes only.
	Run func(ctx context.Context, name string, args ...string) *exec.Cmd
	// Progress is told how many clips are done, one call at a time; may be nil.
	Progress func(done, total int)
}

// A Source says where a clip's file comes from.
type Source string

const (
	SourceBuilt    Source = "built"    // by Build, from the present text
	SourceOutdated Source = "outdated" // by Build, from another text or by another version
	SourceRecorded Source = "recorded" // by the operator
	SourceMissing  Source = "missing"
)

// A Clip is one sound, in one or more files.
type Clip struct {
	Language string
	Name     string // below linewarden/: a prompt, its part before or after a brand, or brand/<slug>
	Text     string
	Source   Source
	Files    []string // paths, the lowest rate first

	// Measured at the lowest rate; zero if no file is a WAV file of 16-bit mono.
	Length          time.Duration
	Peak            float64 // of the loudest sample, dBFS
	Level           float64 // active speech level after ITU-T P.56, dBFS
	LeadingSilence  time.Duration
	TrailingSilence time.Duration

	script script
	stamp  string
}

// rateSuffixes are the file name extensions by which Asterisk knows WAV files.
var rateSuffixes = map[int]string{8000: ".wav", 16000: ".wav16"}

// Build makes all clips that are missing or outdated, on all processors, and returns all clips measured, by language and then in the
// order of Prompts. A second Build does nothing but measure. Files appear whole or not at all. An error leaves the clips that were
// made; the next Build goes on from there.
func Build(ctx context.Context, o BuildOptions) ([]Clip, error) {
	clips, err := List(o)
	if err != nil {
		return nil, err
	}
	run := o.Run
	if run == nil {
		run = exec.CommandContext
	}
	var mu sync.Mutex
	done := 0
	finished := func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		if o.Progress != nil {
			o.Progress(done, len(clips))
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range clips {
		group.Go(func() error {
			if err := clips[i].make(ctx, synthesiser{run}, o); err != nil {
				return fmt.Errorf("building the prompt %s in %s: %w", clips[i].Name, clips[i].Language, err)
			}
			finished()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return List(o)
}

// List measures the clips that are there, without making any.
func List(o BuildOptions) ([]Clip, error) {
	codes := slices.Clone(o.Languages)
	if len(codes) == 0 {
		for _, l := range languages {
			codes = append(codes, l.Code)
		}
	}
	for _, rate := range o.rates() {
		if rateSuffixes[rate] == "" {
			return nil, fmt.Errorf("prompts at %d Hz: Asterisk's WAV files have 8000 or 16000", rate)
		}
	}
	var clips []Clip
	for _, code := range codes {
		l, err := languageOf(code)
		if err != nil {
			return nil, err
		}
		scripts, err := scriptOf(code)
		if err != nil {
			return nil, err
		}
		for _, s := range scripts {
			clips = append(clips, Clip{Language: code, Name: s.name, Text: strings.TrimSuffix(s.text, ","), script: s, stamp: stampOf(l, s)})
		}
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range clips {
		group.Go(func() error { return clips[i].find(o) })
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("reading the prompts: %w", err)
	}
	return clips, nil
}

func (o BuildOptions) rates() []int {
	if len(o.Rates) == 0 {
		return []int{8000, 16000}
	}
	return slices.Compact(slices.Sorted(slices.Values(o.Rates)))
}

// stampOf is what a built file remembers of how it was made.
func stampOf(l Language, s script) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%d|%v|%v|%s", recipe, l.voice, l.speed, s.opens, s.ends, s.text))
	return stampPrefix + hex.EncodeToString(sum[:8])
}

const stampPrefix = "linewarden prompts build "

func (c *Clip) path(dir string) string {
	return filepath.Join(dir, c.Language, clipFolder, filepath.FromSlash(c.Name))
}

// find looks for the clip's files, and measures one.
func (c *Clip) find(o BuildOptions) error {
	folder, stem := filepath.Split(c.path(o.Dir))
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.Files, c.Source = nil, SourceMissing
	sounds := make(map[int]pcm) // by rate
	var recorded, built []string
	current := 0
	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() || strings.TrimSuffix(name, filepath.Ext(name)) != stem {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sound, comment, err := decodeWAV(content)
		if err == nil {
			sounds[sound.rate] = sound
		}
		switch {
		case err != nil || !strings.HasPrefix(comment, stampPrefix): // not a WAV file is a recording too
			recorded = append(recorded, path)
		case comment == c.stamp && filepath.Ext(path) == rateSuffixes[sound.rate]:
			current++
			built = append(built, path)
		default:
			built = append(built, path)
		}
	}
	switch {
	case len(recorded) > 0:
		c.Source, c.Files = SourceRecorded, append(recorded, built...)
	case current > 0 && current == len(built) && hasAll(sounds, o.rates()):
		c.Source, c.Files = SourceBuilt, built
	case len(built) > 0:
		c.Source, c.Files = SourceOutdated, built
	}
	slices.SortFunc(c.Files, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	if len(sounds) > 0 {
		c.measure(sounds[slices.Min(slices.Collect(maps.Keys(sounds)))])
	}
	return nil
}

func hasAll(sounds map[int]pcm, rates []int) bool {
	return !slices.ContainsFunc(rates, func(rate int) bool {
		_, ok := sounds[rate]
		return !ok
	})
}

func (c *Clip) measure(p pcm) {
	c.Length, c.Peak, c.Level = p.length(), p.peak(), p.level()
	first, end, ok := p.audible(silenceBelow)
	if !ok {
		first, end = len(p.samples), len(p.samples)
	}
	c.LeadingSilence = pcm{p.rate, p.samples[:first]}.length()
	c.TrailingSilence = pcm{p.rate, p.samples[end:]}.length()
}

// make brings the clip's files up to date.
func (c *Clip) make(ctx context.Context, s synthesiser, o BuildOptions) error {
	switch c.Source {
	case SourceBuilt:
		return nil
	case SourceRecorded:
		return c.removeBuilt()
	}
	l, err := languageOf(c.Language)
	if err != nil {
		return err
	}
	sounds, err := s.speak(ctx, l, c.script, o.rates())
	if err != nil {
		return err
	}
	for _, sound := range sounds {
		if err := writeWhole(c.path(o.Dir)+rateSuffixes[sound.rate], encodeWAV(sound, c.stamp)); err != nil {
			return err
		}
	}
	return nil
}

// removeBuilt removes what Build made of a clip that has been recorded.
func (c *Clip) removeBuilt() error {
	for _, path := range c.Files {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, comment, err := decodeWAV(content); err == nil && strings.HasPrefix(comment, stampPrefix) {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeWhole writes a file so that a reader sees the old one or the new one. Its folder is made if need be.
func writeWhole(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// The temporary name has no dot at which Asterisk or we could take it for a clip's.
	file, err := os.CreateTemp(filepath.Dir(path), "tmp")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
