package extract

import (
	"regexp"
	"slices"
	"strings"
)

// inviting are words beside which digits are likely to be a telephone number, in languages of which we have prompts.
var inviting = regexp.MustCompile(`\b(?:` + strings.Join([]string{
	"calls?", "called", "calling", "call ?back", "dial(?:l?ing)?", "ring", "phone", "phones", "telephone", "telephonic", "tel", "mobile", "cell", "fax", "contact", "reach",
	"helpline", "hotline", "help ?desk", "help ?line", "toll[- ]?free", "whats ?app", "viber", "signal", "telegram", "text", "sms", "speak", "talk", "voice ?mail",
	"support", "customer (?:care|service|support)", "technician", "agent", "billing (?:department|dept|team)", "landline",
	"appels?", "appele[rz]?", "appellez", "rappele[rz]?", "telephoner?", "telephonique", "telephonez", "numero (?:vert|gratuit|de telephone|d'appel|d'urgence)", "compose[rz]?", "joign(?:ez|able)", "joindre",
	"contacte[rz]?", "assistance", "service client(?:ele)?", "portable", "fixe", "ligne", "standard", "conseiller", "tapez",
	"llam[ea][nr]?", "llamada", "telefono", "telefon", "telefonnummer", "anrufen", "rufen", "ruf", "hotline", "kundendienst", "chiam[ai]", "chiamare", "numero verde", "ligue", "telefone",
}, "|") + `)\b`)

// naming are words that say that what begins right behind them is no telephone number.
var naming = regexp.MustCompile(`(?:#|\bn ?[o']? ?\.?|\b(?:order|invoice|inv|receipt|transaction|txn|trans|reference|ref|refs|case|ticket|tracking|track|parcel|package|shipment|account|acct|a/c|customer|client|member|policy|` +
	`confirmation|booking|reservation|serial|licen[cs]e|product|key|id|uid|isbn|ean|upc|sku|asin|imei|iban|bic|rib|vat|ein|ssn|siren|siret|rcs|tva|part|model|item|batch|po|p\.o|build|version|kb|` +
	`clause|section|paragraph|chapter|rule|far|dfars|cfr|patent|commande|facture|dossier|colis|suivi|contrat|compte|reservation|billet|recu|article|cheque|check|zip|postal|box|routing|pin|code|otp|bestellung|rechnung|kundennummer|pedido|factura|ordine)` +
	`(?: (?:number|num|numbers|no|nr|nbr|id|ref|reference|code|key|numero|client|de commande))?)` +
	`(?: ?(?:is|was|est|ist|:|=|#|\.|no\.?|n[o']?\.?|-))*`)

// digitWords are words that are digits, in English and French.
var digitWords = map[string]byte{
	"zero": '0', "oh": '0', "one": '1', "two": '2', "three": '3', "four": '4', "five": '5', "six": '6', "seven": '7', "eight": '8', "nine": '9',
	"un": '1', "deux": '2', "trois": '3', "quatre": '4', "cinq": '5', "sept": '7', "huit": '8', "neuf": '9',
}

var words = regexp.MustCompile(`[A-Za-z]+|[0-9]+`)

// leastSpelled is from how many digits in words on a run of them is read as digits: fewer are prose, such as "one or two".
const leastSpelled = 3

// spell turns digits that are written as words into digits: a run of them, with nothing between but blanks and hyphens. "eight hundred" in such a
// run is 800, and "double five" is 55.
func (v *view) spell() {
	type piece struct {
		from, to int
		digits   string
		word     bool
	}
	var run []piece
	var replaced []piece
	flush := func() {
		spelled := 0
		for _, p := range run {
			if p.word {
				spelled += len(p.digits)
			}
		}
		if spelled >= leastSpelled {
			replaced = append(replaced, run...)
		}
		run = nil
	}
	lower := v.lower()
	all := words.FindAllStringIndex(lower, -1)
	for i := 0; i < len(all); i++ {
		m := all[i]
		word := lower[m[0]:m[1]]
		if len(run) > 0 {
			between := lower[run[len(run)-1].to:m[0]]
			if len(between) > 3 || strings.Trim(between, " -,.()") != "" {
				flush()
			}
		}
		p := piece{m[0], m[1], word, !isDigit(word[0])}
		if p.word {
			times := 1
			if word == "double" || word == "triple" {
				times = map[string]int{"double": 2, "triple": 3}[word]
				if i+1 == len(all) || all[i+1][0]-m[1] > 1 {
					flush()
					continue
				}
				i++
				p.to = all[i][1]
				word = lower[all[i][0]:all[i][1]]
			}
			d := digitWords[word]
			if d == 0 {
				flush()
				continue
			}
			p.digits = strings.Repeat(string(d), times)
			if i+1 < len(all) && lower[all[i+1][0]:all[i+1][1]] == "hundred" && all[i+1][0]-all[i][1] == 1 {
				i++
				p.to, p.digits = all[i][1], p.digits+"00"
			}
		}
		run = append(run, p)
	}
	flush()
	if len(replaced) == 0 {
		return
	}
	fresh := view{links: v.links, html: v.html}
	at := 0
	copyTo := func(end int) {
		for ; at < end; at++ {
			fresh.add(v.text[at], v.from[at], v.to[at])
		}
	}
	for _, p := range replaced {
		copyTo(p.from)
		fresh.addWord(p.digits, v.from[p.from], v.to[p.to-1])
		at = p.to
	}
	copyTo(len(v.text))
	*v = fresh
}

// surroundings say what kind of words stand around a place of a view.
type surroundings struct {
	lower   string
	invites [][]int      // where inviting words are, in order
	names   map[int]bool // where naming words end
}

// How far from a number words may stand that are about it, in characters.
const (
	invitesBefore = 70
	invitesAfter  = 35
)

func (v *view) surroundings() surroundings {
	s := surroundings{lower: v.lower(), names: map[int]bool{}}
	s.invites = inviting.FindAllStringIndex(s.lower, -1)
	for _, m := range naming.FindAllStringIndex(s.lower, -1) {
		s.names[m[1]] = true
	}
	return s
}

// invite says whether a word nearby says that a telephone number stands here.
func (s *surroundings) invite(from, to int) bool {
	i, _ := slices.BinarySearchFunc(s.invites, from, func(m []int, at int) int { return m[0] - at })
	for j := i - 1; j >= 0 && from-s.invites[j][1] <= invitesBefore; j-- {
		if end := s.invites[j][1]; end <= from && !strings.Contains(s.lower[end:from], "\n\n") {
			return true
		}
	}
	for j := i; j < len(s.invites) && s.invites[j][0]-to <= invitesAfter; j++ {
		if begin := s.invites[j][0]; begin >= to && !strings.Contains(s.lower[to:begin], "\n") {
			return true
		}
	}
	return false
}

// name says whether the words right before say that something else than a telephone number stands here.
func (s *surroundings) name(from int) bool {
	for from > 0 && strings.IndexByte(" +(", s.lower[from-1]) >= 0 {
		from--
	}
	return s.names[from]
}
