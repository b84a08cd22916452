package redisstore

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// Every key in Redis, its type and its time to live. The keys of the list, all but its meta key, carry their partition as hash tag, so that
// one script may touch all that belongs to a number. {p} is the partition, <b> a bucket, <t> a target: a number's digits, with a star behind
// for a range. The audit chain has one order, and so a slot of its own.
//
//	lw:meta          hash    format, partitions, buckets and random id of the list, whether all markers are set, and by which audit entry people have confirmed it, if any. No TTL: without
//	                         it there is no list.
//	lw:{audit}:a     stream  the audit chain: entry number → entry in binary (e), its hash (h). No TTL, no bound: it is the record. An
//	                         entry takes some 500 bytes.
//	lw:{audit}:h     hash    head of the audit chain: number and hash of its last entry, and which writer has the turn, until when in
//	                         milliseconds. No TTL: entries that were cut off show by it.
//	lw:{p}:m         string  marker: the id of the list to which the partition belongs. No TTL: without it the partition is lost.
//	lw:{p}:l:<b>     hash    listings: target in binary → listing in binary. No TTL: a listing carries its own end days, and
//	                         Sweep removes those that have ended. A TTL for each would cost as much memory as the listing.
//	lw:{p}:c         stream  changes of listings. No TTL: bounded by length (Options.Changes), and a follower needs the last
//	                         entry to know where it is, however old.
//	lw:{p}:e:<t>     hash    evidence, summed up. TTL: until nothing in it matters (evidenceTTL), from the last report on.
//	                 string  instead, of a number about which an import brought the only report: that and all that it made (fold.go). TTL:
//	                         Options.Retention, and as long for older reports that outlived their evidence.
//	lw:{p}:r:<t>     hash    reporters who counted → day. TTL: as the evidence.
//	lw:{p}:n:<t>     list    reports, the oldest first. TTL: Options.Retention, from the last report on. A stream would take eight times the
//	                         memory for a number with one report.
//	lw:{p}:s:<t>     stream  reports of a list from before the lists above; only read. TTL: as above.
//	lw:{p}:o:<t>     hash    victims' own numbers, sealed: id of the report → nonce and ciphertext. TTL: as the reports.
//	lw:{p}:i:<id>    string  receipt of a report whose sender chose its id, so that the same one sent again is not stored again. TTL: a day.
//	lw:{p}:d:<t>     stream  decisions and marks. No TTL: who listed, cleared or protected a number must stay answerable for as
//	                         long as there is a list, and people make few decisions.
//	lw:{q}:p:<id>    hash    a proposal: version (v) and JSON (j), some 500 bytes, up to 300 kB for a bulk one. TTL: none while it is pending,
//	                         or approved and not applied; then Options.Retention: what came of it is in the audit chain for ever.
//	lw:{q}:i:<state> zset    ids of the proposals of a state, of all, and of those approved and not applied, in the order of their
//	                         making, all scores zero. No TTL: TidyProposals takes out what has ended.
//	lw:{j<h>}:j:<day> hash   journal: the listed calls of a day (since 1970, UTC) whose ids begin with the hexadecimal digits <h> →
//	                         record. TTL: the end of the day and the journal's retention, a fixed moment that later records do not move.
//	lw:a:<name>      string  an answer of the intake to a request that may be sent again, or who is at work on it. TTL: a day, or seconds.
//	lw:q:<day>:<who> string  how many reports a reporter has sent on a day (since 1970, UTC). TTL: two days.
//	lw:companies     hash    the registry of genuine lines: slug → version, blank, JSON of some 500 bytes. No TTL: it is for people to change.
//	lw:{access}:u    hash    people: name → record in JSON, with the hash of the password. No TTL: who may sign in does not end by itself.
//	lw:{access}:r    set     names of all who have ever been reviewers. No TTL: once there were two, nobody alone makes a third.
//	lw:{access}:t    hash    tokens that were made at the intake: name → record in JSON. No TTL: an end is in the record.
//	lw:{access}:i    hash    the same: SHA-256 of the token → name. No TTL: as the record.
//	lw:{access}:q:<hash>:<minute> string how often a token was used in a minute (since 1970). TTL: two minutes.
//	lw:{access}:f:<key> hash failed attempts to sign in or guess: how many, and until when there may be none, in milliseconds. TTL: the delay
//	                         and access.Lockout.Keep.
//	lw:{access}:b:<hash> string whose browser it is, by the SHA-256 of its cookie. TTL: 180 days from the last sign-in with it.
//	lw:{access}:s:<hash> string a session, by the SHA-256 of its token. TTL: its life, a fixed moment.
//	lw:{access}:o:<key> string what is over in minutes: the secret of a second factor that has yet to be confirmed, sealed; that a code was used. TTL:
//	                         a quarter of an hour at most, by Redis's clock.
//	lw:h:<hour>      hash    counts of the calls of an hour (since 1970), of each node under names of its own. TTL: as its day's journal.
//	lw:{t<b>}:t:<day> hash   sketch of a day's traffic, its block <b>: run of a node → block. TTL: eight days after the day. For a day of 10 million
//	                         calls all blocks take some 6 MB.
//	lw:t:<day>       hash    runs of nodes that sketched a day's traffic → record. TTL: as the blocks.
//	lw:{nodes}:n:<name> string what a node last told of itself, in JSON, some 300 bytes. TTL: a day from then on.
//	lw:{nodes}:i     zset    names of those nodes, by when they told it, in seconds. TTL: a day from the last one on.
//
// Options.Prefix may replace "lw".
type keys struct{ prefix string }

// format is the version of this layout, kept in the meta key.
const format = 1

// Fixed for a list when it is created. 64 partitions spread evenly over a few nodes; 2048 buckets in each keep a bucket within
// the 128 entries that Redis stores compactly up to some 12 million numbers (REDIS.md).
const (
	defaultPartitions = 64
	bucketCount       = 2048
)

func (k keys) users() string              { return k.prefix + ":{access}:u" }
func (k keys) reviewers() string          { return k.prefix + ":{access}:r" }
func (k keys) tokens() string             { return k.prefix + ":{access}:t" }
func (k keys) tokenHashes() string        { return k.prefix + ":{access}:i" }
func (k keys) attempts(key string) string { return k.prefix + ":{access}:f:" + key }
func (k keys) session(id string) string   { return k.prefix + ":{access}:s:" + id }
func (k keys) brief(key string) string    { return k.prefix + ":{access}:o:" + key }
func (k keys) browser(hash access.Hash) string {
	return k.prefix + ":{access}:b:" + hex.EncodeToString(hash[:])
}
func (k keys) node(name string) string        { return k.prefix + ":{nodes}:n:" + name }
func (k keys) nodes() string                  { return k.prefix + ":{nodes}:i" }
func (k keys) meta() string                   { return k.prefix + ":meta" }
func (k keys) audit() string                  { return k.prefix + ":{audit}:a" }
func (k keys) auditHead() string              { return k.prefix + ":{audit}:h" }
func (k keys) proposal(id string) string      { return k.prefix + ":{q}:p:" + id }
func (k keys) proposals(index string) string  { return k.prefix + ":{q}:i:" + index }
func (k keys) tag(partition int) string       { return k.prefix + ":{" + strconv.Itoa(partition) + "}" }
func (k keys) bucket(partition, b int) string { return k.tag(partition) + ":l:" + strconv.Itoa(b) }
func (k keys) marker(partition int) string    { return k.tag(partition) + ":m" }
func (k keys) changes(partition int) string   { return k.tag(partition) + ":c" }
func (k keys) evidence(p place) string        { return k.tag(p.partition) + ":e:" + p.text }
func (k keys) reporters(p place) string       { return k.tag(p.partition) + ":r:" + p.text }
func (k keys) reports(p place) string         { return k.tag(p.partition) + ":n:" + p.text }
func (k keys) oldReports(p place) string      { return k.tag(p.partition) + ":s:" + p.text }
func (k keys) callers(p place) string         { return k.tag(p.partition) + ":o:" + p.text }
func (k keys) receipt(p place, id string) string {
	return k.tag(p.partition) + ":i:" + id
}
func (k keys) companies() string         { return k.prefix + ":companies" }
func (k keys) answer(name string) string { return k.prefix + ":a:" + name }
func (k keys) quota(who string, day numberdb.Day) string {
	return k.prefix + ":q:" + strconv.Itoa(int(day)) + ":" + who
}
func (k keys) decisions(p place) string { return k.tag(p.partition) + ":d:" + p.text }
func (k keys) listing(p place) string   { return k.bucket(p.partition, p.bucket) }

func (k keys) calls(id string, day numberdb.Day) string {
	return k.prefix + ":{j" + id[:callShelf] + "}:j:" + strconv.Itoa(int(day))
}

func (k keys) tokenUses(hash string, at time.Time) string {
	return k.prefix + ":{access}:q:" + hash + ":" + strconv.FormatInt(at.Unix()/60, 10)
}

func (k keys) counts(hour time.Time) string {
	return k.prefix + ":h:" + strconv.FormatInt(hour.Unix()/3600, 10)
}

// proposalIndexes are the indexes of proposals: each state's, and two more.
var proposalIndexes = []string{"all", "unapplied", "pending", "approved", "rejected", "withdrawn", "expired"}

func (k keys) traffic(block int, day numberdb.Day) string {
	return k.prefix + ":{t" + strconv.Itoa(block) + "}:t:" + strconv.Itoa(int(day))
}

func (k keys) trafficRuns(day numberdb.Day) string { return k.prefix + ":t:" + strconv.Itoa(int(day)) }

// evidenceTTL is how long evidence outlives the last report: until nothing that it can earn lasts, and a month for repeats that come late.
func evidenceTTL(r *numberdb.Rules) time.Duration {
	return time.Duration(r.Longest()+30) * 24 * time.Hour
}

// place is where a target lives.
type place struct {
	partition int
	bucket    int
	field     string // the target within its bucket and in changes
	text      string // the target at the end of a key
}

// placeOf finds the place of a target in a list of the given number of partitions. Stored lists depend on every step.
func placeOf(t numberdb.Target, partitions int) place {
	n := uint64(t.Number)
	text := strconv.FormatUint(n, 10)
	if t.Prefix {
		n |= 1 << 63
		text += "*"
	}
	// The finaliser of splitmix64 (Steele, Lea, Flood 2014): numbers come in blocks, their partitions must not.
	n ^= n >> 30
	n *= 0xbf58476d1ce4e5b9
	n ^= n >> 27
	n *= 0x94d049bb133111eb
	n ^= n >> 31
	return place{
		partition: int(n % uint64(partitions)),
		bucket:    int(n >> 32 % bucketCount),
		field:     appendField(t),
		text:      text,
	}
}

// appendField is the target as a field of a bucket: the number big-endian without leading zeros (5 bytes for up to 12 digits),
// behind a zero byte for a range.
func appendField(t numberdb.Target) string {
	b := make([]byte, 0, 8)
	if t.Prefix {
		b = append(b, 0)
	}
	var full [8]byte
	binary.BigEndian.PutUint64(full[:], uint64(t.Number))
	for i, c := range full {
		if c != 0 {
			return string(append(b, full[i:]...))
		}
	}
	return string(b)
}

// parseField reads what appendField wrote.
func parseField(s string) (numberdb.Target, error) {
	var t numberdb.Target
	if len(s) > 0 && s[0] == 0 {
		t.Prefix, s = true, s[1:]
	}
	if len(s) == 0 || len(s) > 7 || s[0] == 0 {
		return numberdb.Target{}, fmt.Errorf("%w: its target has %d bytes", numberdb.ErrCorruptListing, len(s))
	}
	for i := range len(s) {
		t.Number = t.Number<<8 | numberdb.Number(s[i])
	}
	if t.Number > numberdb.MaxNumber {
		return numberdb.Target{}, fmt.Errorf("%w: its target has more than 15 digits", numberdb.ErrCorruptListing)
	}
	return t, nil
}
