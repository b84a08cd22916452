package numberdb

// Summary is what is known about a number, in short.
type Summary struct {
	// Listing is what the list says, ranges included.
	Listing Listing
	// Reports is how many reports about the number are stored.
	Reports int
	// Own says that a report of whoever asks is among those that count.
	Own bool
}
