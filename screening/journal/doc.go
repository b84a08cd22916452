// Package journal remembers what happened to calls, without ever holding one up.
//
// A [Journal] keeps two things. Each call for which the list asked for more than letting it pass ([Listed]) becomes an [Entry], which the id
// that a caller was told finds again ([Find]): what was done, why, and how it ended. And every call, the clean ones above all, is counted by the
// hour ([Hour]): what calls got, what became of them, which brands and lines they were about.
//
// The goroutine of a call only adds to a counter ([Journal.Count]) or puts an entry in a queue ([Journal.Record]); both return at once.
// One goroutine, [Journal.Run], owns all else: it writes to the [Store] in batches. While the store is away the queue fills; once it is full,
// entries are dropped and counted as dropped (linewarden_journal_dropped_total), while the counts of calls go on. What is written twice,
// because an answer was lost, is stored once.
//
// Clean calls leave no entry. What can be told of them is what a listing would have done to those of the last days ([LookBack.Impact]), from a sketch
// of the day's calls that a [Traffic] keeps.
//
// An entry names the other party's number, for that is the evidence. The subscriber appears only as a [Pseudonym], made with a key that
// is not in the store: who has the store alone can tell neither who it was, nor try all numbers to find out.
package journal
