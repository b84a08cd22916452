package intake

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// ReportBody is a report as it is sent. Who reports, and for whom, comes from the token.
type ReportBody struct {
	Number   string     `json:"number" maxLength:"200" example:"+1 202 555 0143" doc:"The number, as people write it; without a country code it is read as one of the region."`
	Region   string     `json:"region,omitempty" pattern:"^[A-Z]{2}$" example:"US" doc:"Country by whose rules the number is written (ISO 3166-1 alpha-2); if missing, the operator's."`
	Roles    []string   `json:"roles" minItems:"1" uniqueItems:"true" enum:"callback,caller_id" nullable:"false" doc:"callback: people are told to dial it; caller_id: it shows on incoming calls."`
	Brand    string     `json:"brand,omitempty" pattern:"^[a-z0-9-]{1,32}$" example:"amazon" doc:"Slug of the impersonated company."`
	Category string     `json:"category,omitempty" enum:"other,fake_customer_care,tech_support,refund,account_locked,order_or_delivery,payment" doc:"What kind of support was pretended."`
	Arrived  string     `json:"arrived,omitempty" enum:"unknown,call,voicemail,sms,email,popup,chat,search" doc:"How the number reached the victim."`
	RedFlags []string   `json:"red_flags,omitempty" uniqueItems:"true" enum:"sign_in_code,card_or_bank_data,remote_access,gift_cards,odd_purchases,fee,installs_software,refund" nullable:"false" doc:"What the real company never asks for or does."`
	Text     string     `json:"text,omitempty" maxLength:"4000" doc:"What happened, in free words."`
	Loss     float64    `json:"loss,omitempty" minimum:"0" maximum:"1000000000000" doc:"What the victim lost, in the currency."`
	Currency string     `json:"currency,omitempty" pattern:"^[A-Z]{3}$" example:"USD" doc:"Currency of the loss (ISO 4217)."`
	Language string     `json:"language,omitempty" maxLength:"80" example:"en" doc:"Language of the call or message (BCP 47)."`
	At       *time.Time `json:"at,omitempty" doc:"When it happened (RFC 3339); if missing, now."`
	Caller   string     `json:"caller,omitempty" maxLength:"200" example:"+1 202 555 0111" doc:"The victim's own number. It is kept encrypted, apart from the report, and shown to reviewers alone."`
	Consent  bool       `json:"consent,omitempty" doc:"The victim may be called back at that number."`
}

// reportInput is the request, and the report that it turned out to be.
type reportInput struct {
	Body   ReportBody
	report numberdb.Report
}

// ReceiptBody says what became of a report.
type ReceiptBody struct {
	ID       string         `json:"id" doc:"Names the stored report."`
	Number   string         `json:"number" doc:"The number as it was read, in E.164 form."`
	Repeat   bool           `json:"repeat" doc:"The same reporter had reported the number before: it is kept, and does not count again."`
	Forging  bool           `json:"forging" doc:"The number is a genuine line, or was found clean: the report is kept as a sign that it is being forged."`
	Standing StandingByRole `json:"standing" doc:"How the list now sees the number."`
}

type reportOutput struct{ Body ReceiptBody }

func (a *API) registerReports(api huma.API) {
	huma.Register(api, a.once(a.allow(huma.Operation{
		OperationID: "report-number", Method: http.MethodPost, Path: "/v1/reports", DefaultStatus: http.StatusCreated,
		Summary: "Report a number", Description: "Nothing is stored unless the answer is 201. Send a report again after 503: it then counts once.",
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}, RoleReporter, RoleReviewer, RoleAdministrator, RoleFeed)), a.takeReport)
}

// takeReport stores a report that Resolve has found sound.
func (a *API) takeReport(ctx context.Context, in *reportInput) (*reportOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := a.withinQuota(ctx, principalOf(ctx), a.now()); err != nil {
		return nil, err
	}
	receipt, err := a.store.Report(ctx, in.report)
	var faults numberdb.Faults
	switch {
	case errors.As(err, &faults):
		return nil, huma.Error422UnprocessableEntity("", faultDetails(faults)...)
	case err != nil:
		return nil, away(ctx, "The report could not be stored safely. Keep it and send it again.", err)
	}
	return &reportOutput{Body: ReceiptBody{
		ID: receipt.ID, Number: in.report.Number.String(), Repeat: receipt.Repeat, Forging: receipt.Forging,
		Standing: standingOf(&receipt.Listing, numberdb.DayOf(a.now())),
	}}, nil
}

// Resolve implements [huma.Resolver]: it turns the body into a report and names all that is wrong with it. The library calls it after
// its own checks, whatever they found; [tidyProblem] leaves out what it says about a field that they have already named.
func (in *reportInput) Resolve(ctx huma.Context) []error {
	n := noteFrom(ctx.Context())
	p := principalOf(ctx.Context())
	b := &in.Body
	in.report = numberdb.Report{
		ID: onceID(ctx.Context()), Consent: b.Consent,
		Brand: numberdb.Brand(b.Brand), Text: b.Text, Loss: b.Loss, Currency: b.Currency, Language: b.Language,
		Source: p.Source, Reporter: reporterID(p), At: n.begin,
	}
	if b.At != nil {
		in.report.At = *b.At
	}
	parsed := writtenIn(n.origin, b.Region).Parse(b.Number)
	in.report.Number = parsed.Number
	var errs []error
	if why := notReportable(b.Number, parsed); why != "" {
		errs = append(errs, finding("number", why))
	}
	if strings.TrimSpace(b.Caller) != "" {
		caller := writtenIn(n.origin, b.Region).Parse(b.Caller)
		if in.report.Caller = caller.Number; caller.Kind != numberdb.KindE164 {
			in.report.Consent = false // one fault is enough
			errs = append(errs, finding("caller", "is not a possible telephone number: write it with its country code, such as +12025550111, or leave it out"))
		}
	}
	errs = append(errs, unknownRegion(b.Region))
	errs = append(errs, unknownWord("roles", strings.Join(b.Roles, ","), &in.report.Roles))
	errs = append(errs, unknownWord("category", b.Category, &in.report.Category))
	errs = append(errs, unknownWord("arrived", b.Arrived, &in.report.Arrived))
	errs = append(errs, unknownWord("red_flags", strings.Join(b.RedFlags, ","), &in.report.RedFlags))
	errs = append(errs, faultDetails(in.report.Check(n.begin))...)
	return withoutNil(errs)
}

// notReportable says why a text is no number that can be reported; empty if it is one.
func notReportable(text string, p numberdb.Parsed) string {
	switch p.Kind {
	case numberdb.KindE164:
		return ""
	case numberdb.KindWithheld:
		if strings.TrimSpace(text) == "" {
			return "is missing: write the number with its country code, such as +12025550143"
		}
		return "is withheld: only a number that is known can be reported"
	case numberdb.KindEmergency:
		return "is an emergency number: emergency numbers are never listed"
	case numberdb.KindShort:
		return "is too short: short numbers belong to one country or operator; write a full number with its country code"
	}
	return "is not a possible telephone number: write it with its country code, such as +12025550143, or name the region"
}

// unknownWord reads a word of a closed set, or several with commas between, into v. An empty text leaves it alone.
func unknownWord(field, text string, v encoding.TextUnmarshaler) error {
	if text == "" {
		return nil
	}
	if err := v.UnmarshalText([]byte(text)); err != nil {
		return finding(field, err.Error())
	}
	return nil
}

// faultDetails are faults in terms of the request's body.
func faultDetails(faults numberdb.Faults) []error {
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = finding(f.Field, f.Problem+": "+f.Remedy)
	}
	return errs
}

func withoutNil(errs []error) []error {
	var kept []error
	for _, err := range errs {
		if err != nil {
			kept = append(kept, err)
		}
	}
	return kept
}

// reporterID is the pseudonym under which a principal's reports count once for each number.
func reporterID(p Principal) string {
	h := sha256.Sum256([]byte(p.Source.Organisation + "\x00" + p.Name))
	return "token-" + hex.EncodeToString(h[:12])
}
