// Package extract finds the telephone numbers in what a victim was sent: an e-mail as text or HTML, a text message, the words of a
// pop-up. It has a place of its own beside numberdb because it reads prose: numberdb reads one number that somebody says is one, on the way
// of a call; here nobody says so, and a date or a price must not be taken for one.
//
// # How it reads
//
// The text becomes a [view]: plain ASCII of what a reader would see, in which markup, invisible characters and the costumes of digits are
// gone, and which remembers where in the text each character stood. What is certainly no telephone number (dates, prices, IP addresses, card
// numbers, identifiers) is struck out. What is left of digits falls into runs, and in each run the windows are tried that could
// be a number, those first that hold together best. A window is taken if it reads as a number that a numbering plan has
// assigned, and is either written as only telephone numbers are or has words beside it that say so.
//
// Criminals write numbers so that filters miss them and people do not: all of that is undone where no innocent text suffers. How often
// that succeeds is measured on the texts in testdata, and held by a test.
//
// It does no I/O, keeps no state, and takes time in proportion to the text, whatever the text is. All of it may be used by many
// goroutines at once.
package extract
