package dialplan

// Script is what is said on the calls of one trunk. It is what calls are given, and what people are shown of it beforehand.
type Script struct {
	RequireKey bool // a call that is warned about goes on only after a key
	Helpline   bool // callers are offered to be connected to a helpline
}

// Prompts is what the subscriber hears, in order, on a call that gets an action: [ActionLabel] as the called person, [ActionWarn] and
// [ActionBlock] as the caller. It is empty where nothing is said; a blocked inbound call is refused before anybody could listen.
func (s Script) Prompts(action string, direction Direction) []Prompt {
	switch {
	case action == ActionLabel:
		return []Prompt{PromptWhisper} // the dialplan plays it
	case action == ActionWarn:
		return []Prompt{PromptWarn, s.choices(), PromptAdvice}
	case action == ActionBlock && direction == Outbound && s.Helpline:
		return []Prompt{PromptBlocked, PromptBlockedChoice}
	case action == ActionBlock && direction == Outbound:
		return []Prompt{PromptBlocked}
	}
	return nil
}

// choices is the prompt that tells the caller which keys there are after a warning.
func (s Script) choices() Prompt {
	switch {
	case s.RequireKey && s.Helpline:
		return PromptChoicesKey
	case s.RequireKey:
		return PromptChoicesKeyNoHelpline
	case s.Helpline:
		return PromptChoices
	}
	return PromptChoicesNoHelpline
}
