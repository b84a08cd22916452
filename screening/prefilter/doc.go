// Package prefilter keeps in an Asterisk's own database what the list has to say, so that Asterisk itself can let those calls pass as
// clean about whose numbers it says nothing: they are nearly all, and then never leave Asterisk. The other side of it is the context
// linewarden-prefilter in dialplan/conf/linewarden.conf; the names that both share are in package dialplan.
//
// It has a package of its own because it follows the list for a reader that is neither a call (screening/callflow) nor another copy in
// memory (numberdb/replica), and because AMI has no place in either.
//
// # Why no listed number passes
//
// The verdict clean is given only by the absence of keys, so there must never be a moment in which the dialplan relies on keys that are
// not there yet, or no longer:
//
//   - Whatever could make a call other than clean has a key: a number in the role of a direction, by the same [screening.Policy.Decide]
//     that Linewarden itself decides by; a range, by its first six digits, whatever its length; an opt-out; a text that a numbering
//     plan reads as another number than it spells ([numberdb.CanonicalLead]); emergency numbers of the operator's own. A key too many
//     only sends a call to Linewarden, which decides as it always does.
//   - A state in a global variable says what the dialplan may rely on, and until when: [Options.StaleAfter] after the store last
//     confirmed the list (not after the last writing), by Asterisk's own clock. It is renewed only while the list is in step with the
//     store and all of it was written and acknowledged. So a lost connection, a hung process, a list that is not followed, all end in
//     calls being handed out. Being a variable, the state is gone when Asterisk restarts, though the database is not; and it is not
//     kept in the database because Asterisk holds the database's lock while it writes to disk, which would be each second.
//   - Everything is written anew at the start, when the list was replaced, and whenever it is not certain what is there: the state is
//     taken back first, then the content removed, with it the mark of its completeness, then written, the mark last, and only then
//     there is a state again. A call that has read the state before and looks for keys in between notices at the end that the state
//     is another: none ever comes back.
//   - A change is written as soon as the list has it. Between the two lie the milliseconds of a request, as between the store and the
//     list; if they should become more than StaleAfter, the state has expired.
//   - The mark is written anew behind each change, and read before anything else is done: a database that is restored, or loses what
//     it acknowledged because Asterisk was killed or its disk is full, is noticed, and so is somebody who removes the content.
//
// Listings end by themselves on a day, and what ends leaves a key too many, so those are removed when the day changes.
//
// Nothing is connected in between: as long as anybody is, Asterisk makes the texts of all events of every call, even for one who may
// read none.
//
// Several Linewardens may do this in one Asterisk: each has its own content, named by its instance, and the dialplan relies on the
// one whose state was written last; all are complete.
package prefilter
