package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

const description = "Keeps people from talking to fake support lines: checks an Asterisk's calls against a reputation list in Redis, and warns or blocks."

// commandLine is the grammar of the command line.
type commandLine struct {
	Config string `short:"c" env:"LINEWARDEN_CONFIG" placeholder:"FILE" help:"Config file (YAML); ${default_config} if it exists."`

	Serve       serveCommand       `cmd:"" help:"Screen calls and take reports, until SIGINT or SIGTERM."`
	Lookup      lookupCommand      `cmd:"" help:"Say how a number is read, what the list says about it, and what its calls get."`
	Report      reportCommand      `cmd:"" help:"Report a number to the intake endpoint."`
	Import      importCommand      `cmd:"" help:"Take in a list of reports, each row one, directly into the store."`
	Decide      decideCommand      `cmd:"" help:"Decide about a number; what takes two people waits for a second one."`
	Decisions   decisionsCommand   `cmd:"" help:"Show what waits for a second person, and what became of it."`
	Approve     approveCommand     `cmd:"" help:"Agree to what another person proposed: it is then done."`
	Reject      rejectCommand      `cmd:"" help:"Refuse what another person proposed."`
	Withdraw    withdrawCommand    `cmd:"" help:"Take back what you have proposed."`
	Collect     collectCommand     `cmd:"" help:"Get the one-time password or token that you proposed, once it is approved."`
	Optout      optoutCommand      `cmd:"" help:"Keep the list of subscribers who do not want to be screened."`
	Allow       allowCommand       `cmd:"" help:"Keep the operator's own allow list: numbers whose calls always pass."`
	List        listCommand        `cmd:"" help:"Keep the list as a whole."`
	User        userCommand        `cmd:"" help:"Keep the people of the intake."`
	Token       tokenCommand       `cmd:"" help:"Keep the tokens of machines, and your own."`
	Signin      signinCommand      `cmd:"" help:"Sign in at the intake endpoint: the commands that ask it then act as you."`
	Signout     signoutCommand     `cmd:"" help:"End that again."`
	Audit       auditCommand       `cmd:"" help:"Verify or print the audit chain: who changed what, when and why."`
	Journal     journalCommand     `cmd:"" help:"Say what was done with a call, and why, by the id that its caller was told."`
	Prompts     promptsCommand     `cmd:"" help:"Build the sound files that callers hear."`
	CheckConfig checkConfigCommand `cmd:"" name:"check-config" help:"Say whether the config is sound, or print a commented sample."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the linewarden on this machine whether it is ready."`
	Setup       setupCommand       `cmd:"" help:"Make the secrets and files that the services of docker-compose.yml share."`
	Demo        demoCommand        `cmd:"" help:"Show the main job on this machine: fetches and starts Asterisk and Redis, places sample calls. Needs only Debian."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// numberBehindDashes moves an argument of lookup that begins with one hyphen and is no option of ours behind "--": it is a number, as
// somebody wrote it, and looking it up has an answer like any other text.
func numberBehindDashes(args []string) []string {
	if len(args) == 0 || args[0] != "lookup" {
		return args
	}
	var kept, moved []string
	for i, a := range args {
		switch {
		case a == "--":
			return append(append(kept, append([]string{"--"}, moved...)...), args[i+1:]...)
		case len(a) > 1 && a[0] == '-' && a[1] != '-' && a != "-h" && !strings.HasPrefix(a, "-c"):
			moved = append(moved, a)
		default:
			kept = append(kept, a)
		}
	}
	if moved == nil {
		return kept
	}
	return append(append(kept, "--"), moved...)
}

// versionCommand prints what this binary was built from.
type versionCommand struct{}

// Run prints one line.
func (versionCommand) Run(p *program) error {
	_, err := fmt.Fprintln(p.out, "linewarden "+version())
	return err
}

// version is the module's version, or the commit that the binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "devel" {
			v += " " + s.Value
		}
	}
	return v + " " + info.GoVersion
}

// now is the time of commands that a person starts; what runs for longer is given a clock.
func now() time.Time { return time.Now() }
