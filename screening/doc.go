// Package screening decides what a call gets: nothing, a label, a warning, or a refusal.
//
// [Policy.Decide] is a pure function of a [Call], what the list says about its two numbers, and the day. It does no I/O, reads no
// clock and cannot fail. How a call is held while it is decided, and what a caller then hears, is the work of screening/callflow;
// the connection to an Asterisk is screening/asterisk.
package screening
