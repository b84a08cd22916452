package numberdb

// Origin says how the place that a number text comes from writes numbers: a trunk, a form, a file.
type Origin struct {
	// Region is the ISO 3166-1 alpha-2 code of the country whose national form and dialling prefixes apply, such as "US".
	Region string
	// Bare says what digits without a plus or an international prefix are.
	Bare Bare
}

// Bare is a trunk's rule for digits without a plus or an international prefix.
type Bare uint8

const (
	BareNational Bare = iota // a national number of the origin's region
	BareE164                 // an international number without its plus
)

// Kind is what a number text turned out to be.
type Kind uint8

const (
	KindUnparsable Kind = iota // not a telephone number, or one that no numbering plan can have
	KindWithheld               // nothing given, anonymous, restricted, unavailable
	KindE164                   // an international number
	KindShort                  // a short number of the origin's region, other than an emergency number
	KindEmergency              // an emergency number of the origin's region
)

// Parsed is a number text after reading. Number is zero unless Kind is [KindE164].
type Parsed struct {
	Kind   Kind
	Number Number
}

// Parse reads what a network or a person wrote. It never fails: every text has a defined [Kind].
func (o Origin) Parse(raw string) Parsed {
	if n, err := ParseE164(raw); err == nil {
		return Parsed{KindE164, n}
	}
	return Parsed{}
}
