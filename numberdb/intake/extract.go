package intake

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/extract"
)

// maxExtract is the longest text in bytes in which numbers are looked for, and maxExtractBody the longest request with one: JSON may write a byte as
// six.
const (
	maxExtract     = 100 << 10
	maxExtractBody = 6*maxExtract + 1<<10
)

// ExtractBody is a text that somebody was sent.
type ExtractBody struct {
	Text   string `json:"text" maxLength:"102400" example:"Amazon: call +1 202 555 0143 to cancel your order." doc:"E-mail, text message or words of a pop-up, as they are: plain text or HTML, at most 100 KiB of UTF-8."`
	Region string `json:"region,omitempty" pattern:"^[A-Z]{2}$" example:"US" doc:"Country of whoever was sent it (ISO 3166-1 alpha-2): how numbers without a country code are read; if missing, the operator's."`
}

// ExtractedBody is what a text turned out to hold.
type ExtractedBody struct {
	Numbers       []FoundBody `json:"numbers" nullable:"false" doc:"The telephone numbers, each once, in the order of the text; at most 200."`
	BrandGuess    string      `json:"brand_guess" doc:"Slug of the company that the text names most; empty if none is known."`
	RedFlagsGuess []string    `json:"red_flags_guess" nullable:"false" enum:"sign_in_code,card_or_bank_data,remote_access,gift_cards,odd_purchases,fee,installs_software,refund" doc:"What the text asks for or claims, guessed from its words."`
	CategoryGuess string      `json:"category_guess" enum:"other,fake_customer_care,tech_support,refund,account_locked,order_or_delivery,payment" doc:"What kind of support is pretended, guessed from its words."`
	ArrivedGuess  string      `json:"arrived_guess" enum:"unknown,call,voicemail,sms,email,popup,chat,search" doc:"How it arrived, guessed from its form."`
}

// FoundBody is a telephone number in a text, and what is known about it in short.
type FoundBody struct {
	Written string `json:"written" doc:"As it is written in the text; for a number that only a link names, the link."`
	Start   int    `json:"start" doc:"How many characters (Unicode code points) of the text stand before it."`
	NumberSketch
	ReportsTotal  int  `json:"reports_total" doc:"How many reports about it are stored."`
	ReportedByYou bool `json:"reported_by_you" doc:"A report of yours about it is among those that count: another one is kept, but does not count again."`
}

type extractInput struct{ Body ExtractBody }

type extractOutput struct{ Body ExtractedBody }

func (a *API) registerExtract(api huma.API) {
	// Reading takes up to half a second of a processor for a text that is made to be slow: some processors must be left for reports.
	a.readers = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	a.reader = extract.NewReader(brandNames()...)
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "extract-numbers", Method: http.MethodPost, Path: "/v1/reports/extract",
		Summary:      "Find the telephone numbers in a text",
		Description:  "Says of each what is known about it, and guesses what a report about it would say. Nothing is stored.",
		MaxBodyBytes: maxExtractBody, BodyReadTimeout: bodyTimeout,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusServiceUnavailable},
	}, RoleReporter, RoleReviewer, RoleFeed, RoleAdministrator), a.extractNumbers)
}

// brandNames are the names by which messages call the brands that we know.
func brandNames() []extract.Name {
	further := map[string][]string{
		"apple": {"iCloud", "iTunes", "Apple ID"}, "facebook": {"Meta support"}, "google": {"Gmail", "YouTube support"}, "att": {"ATT", "AT and T"},
		"microsoft": {"Windows Defender", "Windows Support", "Windows Security", "Outlook", "Office 365"}, "norton": {"LifeLock"},
		"amazon": {"Amazon Prime", "Amzn"}, "paypal": {"Pay Pal"},
	}
	var names []extract.Name
	for _, b := range dialplan.Brands() {
		names = append(names, extract.Name{Brand: numberdb.Brand(b.Slug), Words: append(further[b.Slug], b.Name), Ordinary: b.Slug == "apple" || b.Slug == "att"})
	}
	return names
}

// Resolve implements [huma.Resolver].
func (in *extractInput) Resolve(huma.Context) []error {
	var errs []error
	if len(in.Body.Text) > maxExtract {
		errs = append(errs, finding("text", "is too long: send at most 100 KiB of UTF-8, such as the part with the number"))
	}
	return append(errs, withoutNil([]error{unknownRegion(in.Body.Region)})...)
}

// namesOf are the names of the members of a set.
func namesOf(set fmt.Stringer) []string {
	return strings.FieldsFunc(set.String(), func(r rune) bool { return r == ',' })
}

// unknownRegion is what is wrong with a region, nil for nothing.
func unknownRegion(region string) error {
	if region != "" && !numberdb.KnownRegion(region) {
		return finding("region", "is not a country's code: write two capital letters of ISO 3166-1, such as US")
	}
	return nil
}

// readMessage waits for its turn, and reads a text.
func (a *API) readMessage(ctx context.Context, text string, origin numberdb.Origin) (extract.Message, error) {
	select {
	case a.readers <- struct{}{}:
		defer func() { <-a.readers }()
		return a.reader.Read(text, origin), nil
	case <-ctx.Done():
		return extract.Message{}, context.Cause(ctx)
	}
}

func (a *API) extractNumbers(ctx context.Context, in *extractInput) (*extractOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	origin := writtenIn(a.origin, in.Body.Region)
	message, err := a.readMessage(ctx, in.Body.Text, origin)
	if err != nil {
		return nil, away(ctx, "Too many texts are being read right now.", err)
	}
	numbers := make([]numberdb.Number, len(message.Numbers))
	for i, f := range message.Numbers {
		numbers[i] = f.Number
	}
	p := principalOf(ctx)
	known, err := a.store.Summaries(ctx, numbers, p.Source, reporterID(p))
	if err != nil {
		return nil, away(ctx, "The list cannot be read right now.", err)
	}
	out := ExtractedBody{Numbers: make([]FoundBody, len(numbers)), BrandGuess: string(message.Brand), RedFlagsGuess: namesOf(message.RedFlags),
		CategoryGuess: message.Category.String(), ArrivedGuess: message.Arrived.String()}
	today := numberdb.DayOf(a.now())
	for i, f := range message.Numbers {
		out.Numbers[i] = FoundBody{
			Written: in.Body.Text[f.Start:f.End], Start: utf8.RuneCountInString(in.Body.Text[:f.Start]),
			NumberSketch: sketch(numberdb.Parsed{Kind: numberdb.KindE164, Number: f.Number}, origin.Region, known[i].Listing, a.view.Trunk.Screening, today),
			ReportsTotal: known[i].Reports, ReportedByYou: known[i].Own,
		}
	}
	return &extractOutput{Body: out}, nil
}
