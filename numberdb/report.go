package numberdb

import "time"

// Report is one complaint about one number. Reports are evidence: they are appended, and never edited or deleted before their
// retention ends. The zero value of every optional field says that nothing is known.
type Report struct {
	// ID names the report: 26 of A-Z and 2-7, chosen by the store if empty. A report with the ID of one about the same number that was stored
	// within the last day is that one, sent again: it is not stored, and gets the same receipt.
	ID     string `json:"-"`
	Number Number `json:"number"`
	// Roles are the parts that the number played: at least one.
	Roles Roles `json:"roles"`
	// Brand is the company that was impersonated.
	Brand    Brand    `json:"brand,omitempty"`
	Category Category `json:"category,omitempty"`
	Arrived  Arrival  `json:"arrived,omitempty"`
	RedFlags RedFlags `json:"red_flags,omitempty"`
	// Text is what the reporter wrote: at most [MaxText] characters, no control characters but tabs and line ends. It is
	// untrusted wherever it is shown.
	Text string `json:"text,omitempty"`
	// Loss is what the victim lost, in units of Currency (ISO 4217, such as "USD"). It serves totals, not book-keeping, hence a float.
	Loss     float64 `json:"loss,omitempty"`
	Currency string  `json:"currency,omitempty"`
	// Language is that of the call or message, as a tag of BCP 47 such as "en" or "pt-BR".
	Language string `json:"language,omitempty"`
	// Caller is the victim's own number; zero if they kept it to themselves. It is never part of the report's JSON: the store keeps it
	// encrypted, apart from the report.
	Caller Number `json:"-"`
	// Consent says that the victim may be called back at Caller.
	Consent bool `json:"consent,omitempty"`
	// Source is set by whoever took the report in, from what they know of its sender, never by the sender.
	Source Source `json:"source"`
	// Reporter names the person or machine within the source, so that each counts once per number and role: 1 to 64 printable
	// ASCII characters that mean nothing to anybody else, such as a keyed hash.
	Reporter string `json:"reporter"`
	// At is when it happened. How much a report is worth decays from then on.
	At time.Time `json:"at"`
}

// MaxText is how many characters the text of a report may have.
const MaxText = 4000

// Category is what kind of support the criminals pretended to be.
type Category uint8

const (
	CategoryOther Category = iota
	CategoryFakeCustomerCare
	CategoryTechSupport
	CategoryRefund
	CategoryAccountLocked
	CategoryOrderOrDelivery
	CategoryPayment
)

// Arrival is how the number reached the victim.
type Arrival uint8

const (
	ArrivalUnknown Arrival = iota
	ArrivalCall
	ArrivalVoicemail
	ArrivalSMS
	ArrivalEmail
	ArrivalPopup
	ArrivalChat
	ArrivalSearch // a search result or an advertisement beside one
)

// RedFlags is a set of things that the real company never asks for or does.
type RedFlags uint8

const (
	RedFlagSignInCode       RedFlags = 1 << iota // asks for a password or a one-time code
	RedFlagCardOrBankData                        // asks for card or bank data
	RedFlagRemoteAccess                          // asks for access to the victim's computer or telephone
	RedFlagGiftCards                             // asks to be paid in gift cards
	RedFlagOddPurchases                          // speaks of purchases that the victim never made
	RedFlagFee                                   // asks for a fee before helping
	RedFlagInstallsSoftware                      // has the victim install something
	RedFlagRefund                                // offers a refund, or claims to have paid back too much
)

// Source says who vouches for a report.
type Source struct {
	Kind SourceKind `json:"kind"`
	// Organisation is a slug of 1 to 32 of a-z, 0-9 and hyphen; it may be empty for the public.
	Organisation string `json:"organisation,omitempty"`
}

// SourceKind is how far a source is known. The zero value is the least trusted.
type SourceKind uint8

const (
	SourcePublic  SourceKind = iota // anybody
	SourceFeed                      // a published list of complaints that nobody has checked
	SourcePartner                   // an organisation that checks what it sends, such as a bank's fraud desk
	SourceStaff                     // signed-in staff of a helpline

	SourceKindCount = iota
)

// Trusted says whether a report of the source earns a warning at once.
func (s Source) Trusted() bool { return s.Kind == SourcePartner || s.Kind == SourceStaff }

// Receipt is what became of a report that the store has accepted.
type Receipt struct {
	// ID names the stored report: 26 letters and digits.
	ID string `json:"id"`
	// Repeat says that the reporter had already reported the number in all roles that the report names. It is kept and
	// refreshes the time of the earlier one, but does not count again.
	Repeat bool `json:"repeat"`
	// Forging says that the number is a genuine line, or was reviewed and found clean, in one of the roles: the report is kept
	// and counted as evidence that the number is being forged, and earns it nothing.
	Forging bool `json:"forging"`
	// Listing is what the list now says about the number, ranges included.
	Listing Listing `json:"-"`
}

// Filed is a report as the store keeps it.
type Filed struct {
	ID string `json:"id"`
	// Received is when the store accepted it, by the store's clock.
	Received time.Time `json:"received"`
	// HasCaller says that the victim's own number was given, which only a few may see.
	HasCaller bool `json:"has_caller,omitempty"`
	// Forging is as in its [Receipt]; of reports that were stored before it was noted, it is unknown and false.
	Forging bool   `json:"forging,omitempty"`
	Report  Report `json:"report"`
}
