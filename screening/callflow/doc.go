// Package callflow takes one call from the moment that it enters the Stasis application until it is handed back to the dialplan.
//
// [Flow.Handle] owns a call, in the one goroutine that screening/asterisk gives it: it reads the numbers, asks the list, decides, and
// where the verdict says so warns, labels or refuses. Whatever happens, the call ends here exactly once, in [call.end]: a single
// "continue" that names the verdict. Any error, and any verdict that takes longer than the deadline, lets the call go on (fail
// open), with its reason counted and logged.
//
// Clean calls, nearly all of them, do not come that far: [Flow.Glance] reads and decides them with the same code, and gives the
// verdict to screening/asterisk at once. What it is not sure of it leaves to Handle.
package callflow
