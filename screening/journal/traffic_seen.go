package journal

// seen remembers which pairs of line and subscriber there were lately, by 31 bits of a keyed hash each, four to a set; the one of them that was
// not asked for longest makes room. What is forgotten counts again, which makes too many subscribers of too few. The opposite takes
// two pairs with equal hashes: of half a billion new pairs one is taken for another.
type seen [][4]uint32

// seenSets is how many sets a node has: 2 MB, for the last half million pairs.
const seenSets = 1 << 17

// add says whether a pair is new, and remembers it.
func (s seen) add(hash uint64) bool {
	set := &s[hash>>32%uint64(len(s))]
	mark := uint32(hash) | 1<<31 // zero is free
	last := len(set) - 1
	for i, m := range set {
		if m == mark {
			last = i
			break
		}
	}
	known := set[last] == mark
	copy(set[1:last+1], set[:last])
	set[0] = mark
	return !known
}
