// Package asterisk keeps one connection to one Asterisk: calls come in, requests go out. It speaks ARI, Asterisk's REST interface,
// with the types of github.com/CyCoreSystems/ari/v5 on a transport of its own, and knows nothing of screening.
//
// A [Client] connects under an application name and runs a [Handler] for each call that the dialplan sends there, by Stasis or by
// StasisBroadcast. The handler owns the call: it reads [Channel.Events], makes requests, and lets go of the call with
// [Channel.Continue] or [Channel.Hangup]. Most calls need nothing but to be sent on: a [Glance] does that without a goroutine for each.
//
// # What a caller can rely on
//
// No call waits in silence because of us. A call whose handler returns or panics is released. A call that waits without a handler,
// after a reconnect, a crash, or because a StasisStart was lost, is found within two rounds of the patrol (patrol.go) and given to
// one, as adopted. When the process is told to stop, it claims nothing, and looks after the connection is closed whether a call is
// left. When it is killed, another instance on the same Asterisk releases its calls (fellows.go), or it adopts them itself once it
// is back. When it hangs, or its whole machine disappears without a word, Asterisk believes it connected until TCP gives up: its
// fellows notice that it shows no sign of life (signs.go), and release its calls. For an instance without fellows, let the dialplan
// use StasisBroadcast, which bounds the time until a call is claimed, and have somebody restart a process that hangs.
//
// Everything from Asterisk is taken as hostile: messages, queues and requests in flight are bounded, what is malformed or unknown is
// counted and otherwise without effect, and no name or number of a caller is in a log or an error. The goroutine that reads never
// waits for a handler or for Asterisk; a handler that does not read loses its events, with [ErrQueueFull], and holds up nobody else.
//
// # Facts about Asterisk that shape this package
//
// Read in the source of Asterisk 22 and 23, and tried on 22.10.1:
//
//   - The event filter applies to replies too: without RESTResponse in it, no request on the websocket is ever answered. It stays
//     with an application that outlives its websocket because channels wait in it.
//   - Requests on one websocket are carried out one after the other, and a channel's commands likewise. While a playback runs,
//     continue waits for its end, and so does setting a variable, which moreover holds every later request on that websocket. Hence
//     [ErrPlaying], the stop before each continue, and playback ids that a stranger can work out (playback.go).
//   - A playback that has only just begun cannot be stopped: for a moment the answer is 500. The news of its end may come after the
//     reply to a request that was made later. And one that has ended is found under its id a moment longer, before a new one of
//     the same id. Hence the repeated stop, and slots that are taken in turn and not before Asterisk has told of the last one's end.
//   - GET /applications lists a dead application as long as channels wait in it, and no field says that it is dead. So each
//     instance connects under a second name, on the same websocket, which no channel ever enters: Asterisk forgets that one with
//     the websocket ([liveName] in patrol.go). It is there before the first event comes, so an application without it has no
//     handler that could still reach Asterisk.
//   - Do not use a subscription to all device states for that, though it too ends with the websocket: Asterisk then waits for the
//     subscription's last event while it holds the lock that sending the event needs (session_reset in ari_websockets.c,
//     unsubscribe_device_state in res_stasis_device_state.c). When a device changes its state at that moment, ARI hangs for good.
//   - A websocket under a name that is connected already takes the name over, and the older one only gets ApplicationReplaced. We
//     then wait until the other is gone, and do not fight.
//   - Asterisk reads a plus as a space in paths and queries alike, so both are escaped by our own rule (operation.go).
//   - The arguments of StasisBroadcast are separated by colons, those of Stasis by commas. A claim that is refused because another
//     instance was first is a 409, one that comes too late a 404.
//   - A writable function that does not exist is no error to whoever sets it: Asterisk answers 204 and logs it.
package asterisk
