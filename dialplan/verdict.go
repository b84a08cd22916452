package dialplan

import "strings"

// A verdict reaches the dialplan as the extension of [ContextVerdict], entered at priority 1, at which the application continues the
// call: everything that the dialplan needs to act on it is in its name. Channel variables would be one request more, and Asterisk keeps
// DB() and other functions from the rest of a call's dialplan once an application has set a variable on its channel (seen on 22.10.1),
// so that operators' dialplans would break.

// MaxExtension is how many bytes Asterisk keeps of an extension's name (AST_MAX_EXTENSION less the final zero).
const MaxExtension = 79

// maxLanguage is the longest language that LabelExtension carries, in bytes.
const maxLanguage = 16

// VerdictExtension is the extension for an action that needs nothing more than the metric label of a reason: lower-case letters and
// underscores, 20 at most.
func VerdictExtension(action, reason string) string { return action + "_" + reason }

// BlockExtension is the extension that refuses a call with the SIP answer of a class, which is one of the classes above; any other
// means ClassAnalytics.
func BlockExtension(reason, class string) string {
	extension := VerdictExtension(ActionBlock, reason)
	if class != ClassDoNotOriginate && class != ClassSubscriberRequest {
		return extension
	}
	return extension + "." + class
}

// LabelExtension is the extension that gives a call a caller name which warns the called person, in a language such as fr (English if
// the dialplan has none in it), and lets them hear the whisper. Both name the brand, the whisper only where v speaks it; an empty slug
// and one that is not 1 to 32 of a-z, 0-9 and hyphen stand for no brand. The result has at most MaxExtension bytes.
func (v Voice) LabelExtension(reason, language, slug string) string {
	if !validLanguage(language) {
		language = "en"
	}
	whispered, written := "", ""
	if validSlug(slug) {
		written = BrandName(slug)
		if v.Speaks(slug) {
			whispered = slug
		}
		if written == whispered {
			written = "" // the dialplan writes what it whispers
		}
	}
	return strings.Join([]string{VerdictExtension(ActionLabel, reason), language, whispered, written}, ".")
}

func validLanguage(s string) bool {
	if len(s) < 2 || len(s) > maxLanguage { // extensions of one letter, such as h, mean something else to Asterisk
		return false
	}
	for i, r := range s {
		letter := r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z')) {
			return false
		}
	}
	return true
}
