package main

import (
	_ "embed"
	"fmt"
)

// sampleConfig explains every key; a test loads it.
//
//go:embed sample.yaml
var sampleConfig string

// checkConfigCommand says whether the config is sound.
type checkConfigCommand struct {
	Only   string `enum:"screening,intake," default:"" placeholder:"PART" help:"What the config is for, as with serve; both if missing."`
	Sample bool   `help:"Print a config that explains every key, and check nothing."`
}

// Run prints one line if all is well.
func (cmd checkConfigCommand) Run(p *program) error {
	if cmd.Sample {
		_, err := fmt.Fprint(p.out, sampleConfig)
		return err
	}
	l, err := p.loadSound(partsOf(cmd.Only))
	if err != nil {
		return err
	}
	from := l.File
	if from == "" {
		from = "environment and defaults"
	}
	_, err = fmt.Fprintf(p.out, "%s: sound: instance %s, region %s, %d asterisk, %d policies, %d intake tokens, sha256 %s\n",
		from, l.Instance, l.Region, len(l.Asterisk), len(l.Policies), len(l.Intake.Tokens), l.Hash)
	return err
}

// loadSound is the config with its secrets, checked for what is to run.
func (p *program) loadSound(run parts) (*loaded, error) {
	l, err := p.load()
	if err != nil {
		return nil, err
	}
	if err := l.resolveSecrets(); err != nil {
		return nil, err
	}
	return l, l.validate(run)
}
