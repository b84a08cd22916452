package intake

import (
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// NumberSketch is what is known about a number, in short.
type NumberSketch struct {
	Number   string         `json:"number" doc:"In E.164 form."`
	Kind     string         `json:"kind" doc:"What the text turned out to be."`
	Region   string         `json:"region" doc:"Country of the number (ISO 3166-1 alpha-2); empty if it has none."`
	Country  string         `json:"country" doc:"Name of the country in English; empty if it has none."`
	Type     string         `json:"type" doc:"Kind of line that the numbering plan has assigned the number to, such as mobile, fixed_line, toll_free or premium_rate; unknown if none."`
	Standing StandingByRole `json:"standing" doc:"How the list sees the number."`
	Verdict  VerdictByWay   `json:"verdict" doc:"What a call with the number gets."`
	Brand    string         `json:"brand" doc:"Slug of the company that it is known to pose as; empty if none is known."`
}

// sketch says in short what is known about a number. home is the region that a short or emergency number belongs to; listing is the zero
// Listing where the text is no international number.
func sketch(p numberdb.Parsed, home string, l numberdb.Listing, policy screening.Policy, today numberdb.Day) NumberSketch {
	region := ""
	switch p.Kind {
	case numberdb.KindE164:
		region = p.Number.Region()
	case numberdb.KindShort, numberdb.KindEmergency:
		region = home
	}
	s := NumberSketch{Number: p.Number.String(), Kind: p.Kind.String(), Region: region, Country: countryName(region), Type: p.Number.LineType().String(),
		Standing: standingOf(&l, today), Brand: string(brandOf(&l))}
	s.Verdict.Inbound = verdictOf(policy.Decide(screening.Call{Direction: screening.Inbound, Calling: p}, l, numberdb.Listing{}, today))
	s.Verdict.Outbound = verdictOf(policy.Decide(screening.Call{Direction: screening.Outbound, Called: p}, l, numberdb.Listing{}, today))
	return s
}

// brandOf is the company that a number is known to pose as: in the role in which people are told to dial it, or else in the other.
func brandOf(l *numberdb.Listing) numberdb.Brand {
	for _, r := range l.Roles {
		if r.Brand != "" {
			return r.Brand
		}
	}
	return ""
}
