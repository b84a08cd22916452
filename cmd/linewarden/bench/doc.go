// Package bench measures what the screening of a call costs, side by side with the other ways in which an Asterisk can ask about a
// number. It is nothing but a benchmark:
//
//	go test -run - -bench Call -benchtime 1x -timeout 30m ./cmd/linewarden/bench
//
// One Asterisk has a dialplan for each way, and each way's helper is a process of its own: Linewarden is the real program, the
// others are written plainly in this package, as a good engineer would deploy them, with pooled connections. All run at the same
// time, with one of them used. Each way gets the same two calls, one that the dialplan rejects after the number was found clean,
// which is the cheapest call there is, and one that is dialled, answered and hung up.
//
// A measurement goes round: each round places some calls in every way, in an order that turns from round to round, and compares with
// the bare call of the same round, so that a slow minute of the machine is slow for all. The figures are medians over the rounds:
//
//   - processor time for each call of Asterisk, of the helper, and of Redis, and their sum over that of the bare call;
//   - set-up delay added: how much later than the bare one a call is answered, one call at a time, as 50th and 99th percentile;
//   - the highest rate of new calls at which 99 of 100 are answered within 100 ms and no message is sent twice.
//
// Before anything is measured, each way must refuse a listed number and let a clean one through; a call with a wrong answer fails
// the benchmark. Nothing about time is asserted. With -short, as in .ci/run, each part runs for a few calls only. The flags -rounds,
// -calls, -only and -rates choose how much is measured.
package bench
