package dialplan

import (
	"slices"
	"testing"
)

func TestScript(t *testing.T) {
	key, helpline, both := Script{RequireKey: true}, Script{Helpline: true}, Script{RequireKey: true, Helpline: true}
	for name, tc := range map[string]struct {
		script    Script
		action    string
		direction Direction
		want      []Prompt
	}{
		"a warning":                        {Script{}, ActionWarn, Outbound, []Prompt{PromptWarn, PromptChoicesNoHelpline, PromptAdvice}},
		"a warning, with a helpline":       {helpline, ActionWarn, Outbound, []Prompt{PromptWarn, PromptChoices, PromptAdvice}},
		"a warning that wants a key":       {key, ActionWarn, Outbound, []Prompt{PromptWarn, PromptChoicesKeyNoHelpline, PromptAdvice}},
		"the same, with a helpline":        {both, ActionWarn, Outbound, []Prompt{PromptWarn, PromptChoicesKey, PromptAdvice}},
		"a block":                          {key, ActionBlock, Outbound, []Prompt{PromptBlocked}},
		"a block, with a helpline":         {helpline, ActionBlock, Outbound, []Prompt{PromptBlocked, PromptBlockedChoice}},
		"a block of an inbound call":       {both, ActionBlock, Inbound, nil},
		"a label":                          {both, ActionLabel, Inbound, []Prompt{PromptWhisper}},
		"nothing":                          {both, ActionAllow, Outbound, nil},
		"an action that is only an ending": {both, ActionHelpline, Outbound, nil},
	} {
		if got := tc.script.Prompts(tc.action, tc.direction); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
