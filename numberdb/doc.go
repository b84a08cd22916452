// Package numberdb holds what Linewarden knows about telephone numbers, and the rules by which reports become a standing.
//
// A [Number] is an E.164 number in one machine word. People's complaints about it are [Report]s; a person's ruling on it is a
// [Decision]. [Rules] turn both into a [Listing]: the number's [Standing] in each [Role], with the days on which it steps down by
// itself. An [Index] holds all listings in memory for the way of a call.
//
// An [AuditEntry] tells who changed what; [VerifyAudit] finds whatever was changed in the chain of them.
//
// The package does no I/O and reads no clock: time is an argument. Keeping reports and listings is the work of
// numberdb/redisstore, and keeping an Index equal to the store that of numberdb/replica.
package numberdb
