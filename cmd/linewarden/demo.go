package main

import (
	"fmt"
	"os"

	"github.com/linewarden/linewarden/cmd/linewarden/demo"
)

// demoCommand runs the main job on servers that it fetches and starts itself.
type demoCommand struct {
	Once bool `help:"Stop after the sample calls."`
	JSON bool `name:"json" help:"Print one JSON object for each sample call."`
}

// Run runs the demo until SIGINT or SIGTERM, or with --once until the sample calls are over.
func (cmd demoCommand) Run(p *program) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, which the demo runs as a server: %w", err)
	}
	return demo.Run(p.ctx, demo.Options{Program: self, Once: cmd.Once, JSON: cmd.JSON, Out: p.out, Err: p.err})
}
