package intake

import (
	"strings"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// Trunk is how the calls of one policy are read, decided and spoken to.
type Trunk struct {
	Screening screening.Policy
	Origin    numberdb.Origin
	// Helpline says that callers are offered to be connected to a helpline, RequireKey that a call goes on only after a key.
	Helpline, RequireKey bool
	// Language is that of callers of whom nothing else is known: one of [dialplan.Languages], en if empty.
	Language string
}

// language is in which language callers are spoken to of whom nothing else is known.
func (t *Trunk) language() string {
	if t.Language == "" {
		return "en"
	}
	return t.Language
}

// prompts are what a subscriber hears on a call with this verdict, in order.
func (t *Trunk) prompts(direction screening.Direction, v screening.Verdict) []dialplan.Prompt {
	script := dialplan.Script{RequireKey: t.RequireKey, Helpline: t.Helpline}
	return script.Prompts(v.Action.String(), dialplan.Direction(direction.String()))
}

// clips are the sound files that say the prompts, by their names below the folder of a language.
func clips(voice dialplan.Voice, brand numberdb.Brand, prompts []dialplan.Prompt) []string {
	clips := []string{}
	for _, media := range voice.Media(string(brand), prompts...) {
		clips = append(clips, strings.TrimPrefix(media, "sound:"))
	}
	return clips
}

// heard is what a caller who dials the number hears, by what the list says about it.
func (v *View) heard(p numberdb.Parsed, listing numberdb.Listing, today numberdb.Day) HeardBody {
	verdict := v.Trunk.Screening.Decide(screening.Call{Direction: screening.Outbound, Called: p}, listing, numberdb.Listing{}, today)
	return HeardBody{Outbound: clips(v.Voice, verdict.Brand, v.Trunk.prompts(screening.Outbound, verdict)), Language: v.Trunk.language()}
}

// HeardBody is what a caller who dials the number hears before anybody answers.
type HeardBody struct {
	Outbound []string `json:"outbound" nullable:"false" doc:"Sound files below the folder of the language, in order; empty if nothing is played."`
	Language string   `json:"language" doc:"Language of callers of whom nothing else is known."`
}
