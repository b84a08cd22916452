package dialplan

import (
	"slices"
	"strings"
)

// Prompt is something that Linewarden says. The set is closed.
type Prompt string

const (
	PromptWarn    Prompt = "warn"    // to the caller, outbound: this number has been reported as a fake support line (of a brand)
	PromptAdvice  Prompt = "advice"  // after the warning and the choices: what the real company never asks for
	PromptWhisper Prompt = "whisper" // to the called person, inbound, before being connected (names a brand)
	PromptBlocked Prompt = "blocked" // to the caller, outbound, before the refusal (names a brand)

	// What the caller may press. The first two are for calls that go on by themselves after the warning, the Key forms for those that
	// go on only when 1 is pressed.
	PromptChoices              Prompt = "choices"                 // 1 to go on at once, 2 for a helpline
	PromptChoicesNoHelpline    Prompt = "choices-no-helpline"     // 1 to go on at once
	PromptChoicesKey           Prompt = "choices-key"             // only 1 goes on, 2 for a helpline
	PromptChoicesKeyNoHelpline Prompt = "choices-key-no-helpline" // only 1 goes on
	PromptBlockedChoice        Prompt = "blocked-choice"          // after blocked: 2 for a helpline

	PromptHelpline Prompt = "helpline" // we are connecting you to the helpline
	PromptNoKey    Prompt = "no-key"   // no key was pressed, the call ends
)

var prompts = []Prompt{
	PromptWarn, PromptAdvice, PromptWhisper, PromptBlocked,
	PromptChoices, PromptChoicesNoHelpline, PromptChoicesKey, PromptChoicesKeyNoHelpline, PromptBlockedChoice,
	PromptHelpline, PromptNoKey,
}

// Prompts is all prompts, in the order in which people should read them.
func Prompts() []Prompt { return slices.Clone(prompts) }

// Valid says whether p is one of the constants.
func (p Prompt) Valid() bool { return slices.Contains(prompts, p) }

// NamesBrand says whether there is a form of the prompt that names the impersonated brand.
func (p Prompt) NamesBrand() bool { return p == PromptWarn || p == PromptWhisper || p == PromptBlocked }

// Keys that a caller may press.
const (
	KeyGoOn     = "1"
	KeyHelpline = "2"
)

// clipFolder is the folder of all our clips below a language's sounds.
const clipFolder = "linewarden/"

// Voice knows which brands have a clip of their name, and so in which form a prompt can be played. The zero Voice says everything in
// the generic form, without a brand.
type Voice struct {
	brands map[string]struct{}
}

// NewVoice is a Voice for the brands whose clips Build makes, and for further ones for which the operator has recorded a clip
// linewarden/brand/<slug> in every language. A slug that is not 1 to 32 of a-z, 0-9 and hyphen is left out.
func NewVoice(recorded ...string) Voice {
	v := Voice{brands: make(map[string]struct{})}
	for _, b := range brands {
		v.brands[b.Slug] = struct{}{}
	}
	for _, slug := range recorded {
		if validSlug(slug) {
			v.brands[slug] = struct{}{}
		}
	}
	return v
}

// Speaks says whether there is a clip of the brand's name.
func (v Voice) Speaks(slug string) bool {
	_, ok := v.brands[slug]
	return ok
}

// Media is the list for ARI's play request that says the prompts one after the other, with the brand in those that have such a form.
func (v Voice) Media(slug string, prompts ...Prompt) []string {
	var media []string
	for _, p := range prompts {
		for _, clip := range v.clips(p, slug) {
			media = append(media, "sound:"+clipFolder+clip)
		}
	}
	return media
}

// clips is the names of the clips, below linewarden/, that say the prompt.
func (v Voice) clips(p Prompt, slug string) []string {
	if !p.NamesBrand() || !v.Speaks(slug) {
		return []string{string(p)}
	}
	return []string{string(p) + beforeSuffix, brandFolder + slug, string(p) + afterSuffix}
}

const (
	beforeSuffix = "-before"
	afterSuffix  = "-after"
	brandFolder  = "brand/"
)

// PromptOfMedia is the prompt to which an item of Media belongs; a brand's name belongs to none, and the second part of a split
// prompt to the same as the first.
func PromptOfMedia(media string) (Prompt, bool) {
	name, ours := strings.CutPrefix(strings.TrimPrefix(media, "sound:"), clipFolder)
	if !ours {
		return "", false
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, beforeSuffix), afterSuffix)
	p := Prompt(name)
	return p, p.Valid()
}
