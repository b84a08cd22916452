// Package redisstore keeps the number list in Redis: the truth that every screening node follows.
//
// A [Store] takes in reports and decisions ([Store.Report], [Store.Decide], [Store.Mark]), each in one script on one slot, and
// acknowledges them only when Redis has them; with "appendfsync always", which is what Linewarden ships, they are then on disk.
// What takes two people waits as a proposal ([Store.Propose], [Store.Settle]) and is then made once.
// Nodes read the list whole ([Store.Load]) and then follow its changes ([Store.Follow]).
//
// Every change that people make is written to the audit chain before it is made ([Store.Audit], [Store.VerifyAudit]), or it is not made
// ([ErrAudit]). The chain is the record and holds numbers in full; whoever may read the list's keys in Redis may read it.
//
// Numbers are spread over partitions by a hash. All keys of a number carry its partition as their hash tag, so that everything works
// on a Redis Cluster as well as on a single server or behind Sentinel. The file keys.go has every key and its time to live; the
// scripts, which read and write the binary form of numberdb.Listing and follow numberdb.Rules, are the .lua files.
//
// A Store's methods are safe for concurrent use. Each has a deadline of its own within the caller's context. While Redis does not answer, calls
// fail at once after a few tries, until it answers again. No log line and no error names a number.
package redisstore
