package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/linewarden/linewarden/dialplan"
)

// promptsCommand makes and shows the sound files that callers hear.
type promptsCommand struct {
	Build buildPrompts `cmd:"" help:"Speak what is missing or outdated into sound files, with espeak-ng and sox."`
	List  listPrompts  `cmd:"" help:"Show the sound files that are there, measured."`
}

// soundArguments say which sound files are meant.
type soundArguments struct {
	Out      string   `required:"" placeholder:"DIR" help:"Asterisk's folder of sounds, such as /usr/share/asterisk/sounds. A recording that is put there under a clip's name is never overwritten."`
	Language []string `placeholder:"CODE" help:"Only this language, such as en; all if missing. Once for each."`
	Rate     []int    `enum:"8000,16000" placeholder:"HZ" help:"Only 8000 or only 16000; both if missing."`
}

func (a soundArguments) options() dialplan.BuildOptions {
	return dialplan.BuildOptions{Dir: a.Out, Languages: a.Language, Rates: a.Rate}
}

// check refuses a language that there are no texts for.
func (a soundArguments) check() error {
	for _, code := range a.Language {
		if _, err := dialplan.Text(code, dialplan.PromptWarn, ""); err != nil {
			return usageError{fmt.Errorf("--language: %w", err)}
		}
	}
	return nil
}

type buildPrompts struct {
	soundArguments
}

// Run builds, and prints a line for each language.
func (cmd buildPrompts) Run(p *program) error {
	if err := cmd.check(); err != nil {
		return err
	}
	o := cmd.options()
	if f, ok := p.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription("Building prompts"),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount())
		o.Progress = func(done, total int) {
			bar.ChangeMax(total)
			_ = bar.Set(done) // a bar that cannot be drawn is no reason to stop
		}
	}
	clips, err := dialplan.Build(p.ctx, o)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w; install espeak-ng and sox", err)
	case err != nil:
		return err
	}
	return dialplan.WriteSummary(p.out, clips)
}

type listPrompts struct {
	soundArguments
	JSON bool `help:"Print one JSON object for each clip."`
}

// Run prints a line for each clip.
func (cmd listPrompts) Run(p *program) error {
	if err := cmd.check(); err != nil {
		return err
	}
	clips, err := dialplan.List(cmd.options())
	if err != nil {
		return err
	}
	if !cmd.JSON {
		return dialplan.WriteTable(p.out, clips)
	}
	lines := json.NewEncoder(p.out)
	for _, c := range clips {
		if err := lines.Encode(promptLine{
			Language: c.Language, Clip: c.Name, Text: c.Text, Source: string(c.Source), Files: c.Files, Seconds: c.Length.Seconds(),
			PeakDBFS: c.Peak, LevelDBFS: c.Level, LeadMS: c.LeadingSilence.Milliseconds(), TailMS: c.TrailingSilence.Milliseconds(),
		}); err != nil {
			return err
		}
	}
	return nil
}

// promptLine is a clip as JSON.
type promptLine struct {
	Language  string   `json:"language"`
	Clip      string   `json:"clip"`
	Text      string   `json:"text"`
	Source    string   `json:"source"`
	Files     []string `json:"files"`
	Seconds   float64  `json:"seconds"`
	PeakDBFS  float64  `json:"peak_dbfs"`
	LevelDBFS float64  `json:"level_dbfs"`
	LeadMS    int64    `json:"lead_ms"`
	TailMS    int64    `json:"tail_ms"`
}

// promptLanguages are the codes of the languages that there are texts for.
func promptLanguages() []string {
	var codes []string
	for _, l := range dialplan.Languages() {
		codes = append(codes, l.Code)
	}
	return codes
}
