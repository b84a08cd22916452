// Package dialplan is the Asterisk side of Linewarden: the conf files that an operator includes, the texts of the prompts and the
// means to make sound files of them, and the names that the dialplan and screening/callflow share.
//
// # How a call passes
//
// The operator's dialplan calls the subroutine [ContextOutbound] or [ContextInbound]. It hands the call to a Linewarden with
// [Args] as the Stasis arguments. Linewarden decides, speaks to the caller if it must, and sends the call back with one request to
// continue in [ContextVerdict] at the extension of [VerdictExtension], [BlockExtension] or [Voice.LabelExtension]. That extension runs inside the subroutine: it sets the
// result variables and returns to the operator's dialplan, refuses the call, or connects it to a helpline. When nobody takes the
// call, the subroutine itself decides by the operator's settings, and says so with the reason [ReasonUnavailable].
//
// The package imports nothing of ours, so that both sides can lean on it. Everything in it is safe for concurrent use.
package dialplan
