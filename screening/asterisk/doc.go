// Package asterisk keeps one connection to one Asterisk: calls come in, requests go out. It speaks ARI with the types of
// github.com/CyCoreSystems/ari/v5 on a transport of its own, and knows nothing of screening.
package asterisk
