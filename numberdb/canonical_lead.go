package numberdb

// CanonicalLead says whether every text of a plus and so many digits that begins with lead, at least three digits, is read by
// [Origin.Parse] as a [KindE164] of exactly these digits, wherever it comes from; only a number in ExtraEmergency is read
// otherwise. By it somebody who cannot ask the numbering plans, such as a dialplan, can tell such texts from all others.
//
// False says nothing about a text: some that begin so may be read as themselves, others not, and a longer lead tells more. It takes well
// under a microsecond.
func CanonicalLead(lead string, digits int) bool {
	if len(lead) < 3 || len(lead) > digits || digits > 15 {
		return false
	}
	for i := range len(lead) {
		if lead[i] < '0' || lead[i] > '9' {
			return false
		}
	}
	p := planOf(lead)
	if p == nil {
		return false
	}
	national := digits - p.codeLen
	if national < minPlanDigits || p.lengths&(1<<national) == 0 {
		return false
	}
	// What lead leaves open of the first three national digits stands for all that they may be.
	first, open := 0, 1
	for i := range 3 {
		first *= 10
		if at := p.codeLen + i; at < len(lead) {
			first += int(lead[at] - '0')
		} else {
			open *= 10
		}
	}
	for n := first; n < first+open; n++ {
		if p.rewrites.has(n) {
			return false
		}
	}
	return true
}
