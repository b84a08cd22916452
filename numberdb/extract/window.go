package extract

import (
	"slices"
	"strings"

	"github.com/linewarden/linewarden/numberdb"
)

// window is groups that might together be a number.
type window struct {
	groups []group
	widest gap // between them
}

func (w window) digits() string {
	var b strings.Builder
	for _, g := range w.groups {
		b.WriteString(g.digits)
	}
	return b.String()
}

func (w window) start() int { return w.groups[0].start }
func (w window) end() int   { return w.groups[len(w.groups)-1].end }

func isKeyed(g group) bool     { return g.keyed }
func isGlued(g group) bool     { return g.glued }
func isDisguised(g group) bool { return g.disguised }
func isPlain(g group) bool     { return !g.disguised }

// read is the number that a window holds, zero for none.
func (s *search) read(w window) numberdb.Number {
	digits := w.digits()
	keyed := slices.ContainsFunc(w.groups, isKeyed)
	switch {
	case len(digits) < leastDigits, keyed && !spelledByKeys(w, digits), slices.ContainsFunc(w.groups, isDisguised) && !plausiblyDisguised(w):
		return 0
	}
	if keyed && digits[0] != '0' {
		digits = "1" + northAmerican(digits) // what is too much is not dialled: 1-800-MICROSOFT
	}
	invited := slices.ContainsFunc(w.groups, isGlued) || s.around.invite(w.start(), w.end())
	if w.groups[0].plus {
		return s.readPlus(w, digits, invited)
	}
	certain := w.shapedLikeNumber(digits, s.at)
	if !certain && !invited || !(certain && invited) && s.around.name(w.start()) {
		return 0
	}
	return s.readLocal(w, digits, invited)
}

// readPlus reads what follows a plus.
func (s *search) readPlus(w window, digits string, invited bool) numberdb.Number {
	if !s.try(w.start()) {
		return 0
	}
	p := s.origin.Parse("+" + digits)
	if p.Kind == numberdb.KindE164 && (p.Number.Valid() || invited && w.widest < gapLoose) {
		return p.Number
	}
	return 0
}

// readLocal reads digits without a plus: as one dials them where the text was received, as one does in North America, from where much of
// this comes whichever country it goes to, or with a country code whose plus was left out.
func (s *search) readLocal(w window, digits string, invited bool) numberdb.Number {
	american := s.origin
	american.Region = "US"
	for _, way := range []struct {
		may    bool
		origin numberdb.Origin
		text   string
	}{
		{true, s.origin, digits},
		{w.northAmericanShape() && (invited || digits[0] == '1'), american, digits},
		{invited && w.widest < gapLoose && len(digits) > 10 && digits[0] != '0', s.origin, "+" + digits},
	} {
		if !way.may {
			continue
		}
		if !s.try(w.start()) {
			return 0
		}
		if p := way.origin.Parse(way.text); p.Kind == numberdb.KindE164 && p.Number.Valid() {
			return p.Number
		}
	}
	return 0
}

// shapedLikeNumber says whether a window without a plus is written as only telephone numbers are: in the groups of North America, or in
// several groups of which the first begins with the 0 that nearly all other countries have before an area code.
func (w window) shapedLikeNumber(digits string, at func(int) byte) bool {
	if w.widest > gapSpace && !w.evenlySpread() {
		return false
	}
	if w.northAmericanShape() {
		return true
	}
	short := 0
	for _, g := range w.groups {
		if len(g.digits) == 1 {
			short++
		}
	}
	return digits[0] == '0' && len(w.groups) > 1 && len(digits) > 8 && short < 3 && at(w.start()-1) != '.' && at(w.start()-1) != ','
}

// evenlySpread says whether all gaps of a window are as wide as the widest, as in 202 / 555 / 0143.
func (w window) evenlySpread() bool {
	for _, g := range w.groups[1:] {
		if g.gap != w.widest {
			return false
		}
	}
	return w.widest == gapLoose && len(w.groups) > 2
}

// northAmericanShape says whether a window is grouped as numbers of North America are: 202 555 0143, (202) 5550143, with 1 before them or
// not.
func (w window) northAmericanShape() bool {
	groups := w.groups
	if len(groups) > 1 && groups[0].digits == "1" {
		groups = groups[1:]
	} else if len(groups[0].digits) == 4 && groups[0].digits[0] == '1' { // 1202 555 0143
		return lengths(groups[1:], 3, 4) || lengths(groups[1:], 7)
	}
	return lengths(groups, 3, 3, 4) || lengths(groups, 3, 7) || lengths(groups, 3, 4, 3) && groups[2].keyed
}

func lengths(groups []group, want ...int) bool {
	if len(groups) != len(want) {
		return false
	}
	for i, g := range groups {
		if len(g.digits) != want[i] {
			return false
		}
	}
	return true
}

// spelledByKeys says whether letters that are to be dialled stand where companies put them: behind the digits of a toll-free number, or of one
// that begins with 0. Anywhere else, words in capitals only stand beside a number.
func spelledByKeys(w window, digits string) bool {
	first := w.groups[0]
	if first.keyed || w.widest > gapSpace {
		return false
	}
	prefix := ""
	for _, g := range w.groups {
		if g.keyed {
			break
		}
		prefix += g.digits
	}
	national := northAmerican(digits)
	switch {
	case strings.HasPrefix(prefix, "0"):
		return len(prefix) >= 4
	case len(strings.TrimPrefix(prefix, "1")) < 3 || len(national) < 10:
		return false
	}
	switch strings.TrimPrefix(prefix, "1")[:3] {
	case "800", "833", "844", "855", "866", "877", "888":
		return true
	}
	return false
}

// northAmerican is the first ten digits behind a 1.
func northAmerican(digits string) string {
	digits = strings.TrimPrefix(digits, "1")
	return digits[:min(len(digits), 10)]
}

// plausiblyDisguised says whether letters that look like digits are few enough, or so placed, that a reader takes them for digits.
func plausiblyDisguised(w window) bool {
	return slices.ContainsFunc(w.groups, isPlain) || len(w.groups) > 2
}
