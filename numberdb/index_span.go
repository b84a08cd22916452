package numberdb

import (
	"slices"
	"unique"
)

// span is the numbers from a key on, up to the next span of the same lead. Before the first span of a lead, nothing is listed.
type span struct {
	from    prefixKey
	listing unique.Handle[Listing] // what is listed about all prefixes of the numbers; the zero handle for none
}

const (
	glance   = 4                  // spans that a search compares at once, without a decision after each that the processor could guess wrong
	noNumber = prefixKey(1 << 62) // behind all numbers
)

// merge is a copy of the block with the spans of a day.
func (b *prefixBlock) merge(today Day) *prefixBlock {
	type outer struct {
		end     prefixKey
		listing unique.Handle[Listing] // merged
	}
	var around []outer // of the next prefix, from the shortest on
	m := &prefixBlock{prefixes: b.prefixes, merged: true, day: today, spans: make([]span, 0, 2*len(b.prefixes)+glance)}
	said := func() (l unique.Handle[Listing]) {
		if len(around) > 0 {
			l = around[len(around)-1].listing
		}
		return l
	}
	leave := func(next prefixKey) {
		for len(around) > 0 && around[len(around)-1].end <= next {
			end := around[len(around)-1].end
			for len(around) > 0 && around[len(around)-1].end == end {
				around = around[:len(around)-1]
			}
			if end.inBlock()%perLead != 0 { // else the lead ends, too
				m.spans = append(m.spans, span{end, said()})
			}
		}
	}
	for _, p := range b.prefixes {
		leave(p.key)
		l := laid(p.listing, said(), today)
		m.spans = append(m.spans, span{p.key, l})
		around = append(around, outer{p.key.end(), l})
	}
	leave(noNumber)
	i := 0
	for lead := range blockLeads {
		for i < len(m.spans) && m.spans[i].from.lead() == lead {
			i++
		}
		m.starts[lead+1] = uint32(i)
	}
	m.spans = append(m.spans, slices.Repeat([]span{{from: noNumber}}, glance)...)
	return m
}

// laid is a listing laid over what is listed around it, which may be nothing.
func laid(own, around unique.Handle[Listing], today Day) unique.Handle[Listing] {
	if around == (unique.Handle[Listing]{}) {
		return own
	}
	merged, less := own.Value(), around.Value()
	merged.Fill(&less, today)
	return unique.Make(merged)
}

// find is the listing of the last span of a lead that does not begin behind a key; the zero handle if there is none.
func (b *prefixBlock) find(key prefixKey, lead Number) (l unique.Handle[Listing]) {
	start, n := int(b.starts[lead]), int(b.starts[lead+1])-int(b.starts[lead])
	at := start // all before are known not to begin behind
	for n > glance {
		half := n / 2
		if b.spans[at+half-1].from <= key {
			at += half
			n -= half
		} else {
			n = half
		}
	}
	// Whatever follows the rest begins behind, too.
	rest := (*[glance]span)(b.spans[at:])
	at += rest[0].from.notBehind(key) + rest[1].from.notBehind(key) + rest[2].from.notBehind(key) + rest[3].from.notBehind(key)
	if at == start {
		return l
	}
	return b.spans[at-1].listing
}

// notBehind is 1 if k does not come behind another key, 0 if it does, found without a branch.
func (k prefixKey) notBehind(other prefixKey) int { return int((k - other - 1) >> 63) }
