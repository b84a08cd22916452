package numberdb

import (
	"math"
	"strconv"

	"github.com/nyaruka/phonenumbers"
)

// samples is how many numbers of each length are looked at to say how many a range covers.
const samples = 200

// Covers is about how many numbers that its country's plan assigns to somebody a target takes in: 1 for a number; for a range an estimate
// from an even sample of its numbers of each length, which is exact where the plan treats all of them alike. People see it before they decide
// on a range.
func (t Target) Covers() uint64 {
	if !t.Prefix {
		return 1
	}
	prefix := strconv.FormatUint(uint64(t.Number), 10)
	total := 0.0
	for length := len(prefix) + 1; length <= 15; length++ {
		free := math.Pow10(length - len(prefix))
		count := min(samples, int(free))
		valid := 0
		for i := range count {
			n := float64(t.Number)*free + math.Floor(free*(float64(i)+0.5)/float64(count))
			number := phonenumbers.PhoneNumber{}
			if phonenumbers.ParseToNumber("+"+strconv.FormatFloat(n, 'f', 0, 64), "", &number) == nil && phonenumbers.IsValidNumber(&number) {
				valid++
			}
		}
		total += free * float64(valid) / float64(count)
	}
	return uint64(math.Round(total))
}
