package intake

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
)

// ListedBody is a listed number or range, in short.
type ListedBody struct {
	Target   string         `json:"target" doc:"A number in E.164 form, or a range such as +1809555*."`
	Standing StandingByRole `json:"standing"`
	Until    UntilByRole    `json:"until" doc:"When each standing ends by itself."`
	Brand    string         `json:"brand" doc:"Slug of the company that it poses as; empty if none is known."`
	Class    string         `json:"class"`
	Marks    []string       `json:"marks" nullable:"false"`
}

// UntilByRole is when the standing in each role ends; missing if there is none, or it has no end.
type UntilByRole struct {
	Callback *time.Time `json:"callback,omitempty"`
	CallerID *time.Time `json:"caller_id,omitempty"`
}

type searchInput struct {
	Standing string `query:"standing" enum:"watch,warn,block,cleared,protected" doc:"Only those with this standing."`
	Role     string `query:"role" enum:"callback,caller_id" doc:"Only those with a standing in this role."`
	Brand    string `query:"brand" pattern:"^[a-z0-9-]{1,32}$" doc:"Only those that pose as this company."`
	Q        string `query:"q" maxLength:"200" example:"(202) 555" doc:"Only those that begin with these digits, in whatever form they are written; or, with letters in it, whose company has this in its name."`
	Region   string `query:"region" pattern:"^[A-Z]{2}$" example:"US" doc:"Country by whose rules the digits are written; if missing, the operator's."`
	PageQuery

	wanted wanted
	from   place
}

// wanted is what a search is for.
type wanted struct {
	standing numberdb.Standing // none for any
	roles    numberdb.Roles
	brand    numberdb.Brand
	spans    []span
	exact    numberdb.Number // the whole number that was typed; zero if it was not
	company  string          // part of a company's name or slug, in lower case
	names    map[numberdb.Brand]bool
}

// mostLookedAt is how many numbers are looked at for one page: some 50 ms of a processor. A search that finds little goes on with the next.
const mostLookedAt = 200_000

func (a *API) registerSearch(api huma.API) {
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "list-numbers", Method: http.MethodGet, Path: "/v1/numbers",
		Summary: "List what is known of numbers, and search",
		Description: "All listed numbers and ranges of which a standing holds, in the order of their digits. It is the list of this node: a number that is new to it may be " +
			"missing for some seconds, unless the whole number is asked for. A page may hold none and still name a next one.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}, RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator), a.listNumbers)
}

// Resolve implements [huma.Resolver]: it reads the question and names all that is wrong with it.
func (in *searchInput) Resolve(ctx huma.Context) []error {
	var errs []error
	at := func(location string, err error) {
		if err != nil {
			errs = append(errs, findingAt("query."+location, err.Error()))
		}
	}
	w := &in.wanted
	w.brand, w.names, w.roles = numberdb.Brand(in.Brand), map[numberdb.Brand]bool{}, numberdb.RolesOf(numberdb.RoleCallback, numberdb.RoleCallerID)
	if in.Standing != "" {
		at("standing", w.standing.UnmarshalText([]byte(in.Standing)))
	}
	if in.Role != "" {
		at("role", w.roles.UnmarshalText([]byte(in.Role)))
	}
	origin := writtenIn(noteFrom(ctx.Context()).origin, in.Region)
	if in.Region != "" && !numberdb.KnownRegion(in.Region) {
		errs = append(errs, findingAt("query.region", "is not a country's code: write two capital letters of ISO 3166-1, such as US"))
	}
	if why := w.read(in.Q, origin); why != "" {
		errs = append(errs, findingAt("query.q", why))
	}
	var err error
	if in.from, err = placeAt(in.Cursor); err != nil {
		errs = append(errs, findingAt("query.cursor", unknownCursor))
	}
	return errs
}

// read reads what was typed: a number or its beginning in any form, or part of a company's name. It says why it is neither.
func (w *wanted) read(q string, origin numberdb.Origin) (why string) {
	q = strings.TrimSpace(q)
	digits, isNumber := typedDigits(q)
	switch {
	case q == "":
		w.spans = []span{everything}
	case !isNumber:
		w.spans, w.company = []span{everything}, strings.ToLower(q)
	case digits == "" || len(digits) > 17:
		return "is neither the beginning of a number nor of a name: write up to 15 digits, or letters"
	default:
		for _, d := range beginnings(digits, strings.HasPrefix(q, "+"), numberdb.CountryCode(origin.Region)) {
			w.spans = append(w.spans, beginningWith(d))
		}
		if p := origin.Parse(q); p.Kind == numberdb.KindE164 {
			w.exact = p.Number
			w.spans = append(w.spans, beginningWith(p.Number.String()[1:]))
		}
	}
	w.spans = merged(w.spans)
	return ""
}

// typedDigits are the digits of a text that has nothing else but what people write between them.
func typedDigits(q string) (digits string, ok bool) {
	var b strings.Builder
	for _, r := range q {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.ContainsRune("+()-./* \u00a0\u2010\u2011\u2013", r):
			return "", false
		}
	}
	return b.String(), true
}

// beginnings are the international numbers' beginnings that somebody may mean who types digits: with the country code, or as at home in a country,
// there with or without the zero in front.
func beginnings(digits string, international bool, countryCode string) []string {
	var all []string
	add := func(d string) {
		if len(d) >= 1 && len(d) <= mostDigits && d[0] != '0' {
			all = append(all, d)
		}
	}
	if rest, ok := strings.CutPrefix(digits, "00"); ok && !international {
		add(rest)
		return all
	}
	add(digits)
	if home := strings.TrimPrefix(digits, "0"); !international && countryCode != "" && home != "" {
		add(countryCode + home)
	}
	return all
}

func (a *API) listNumbers(_ context.Context, in *searchInput) (*pageOutput[ListedBody], error) {
	o, ok := a.catalogue.current()
	if !ok {
		return nil, huma.ErrorWithHeaders(problem(http.StatusServiceUnavailable, "This node has no list yet."), http.Header{"Retry-After": {retryAfter}})
	}
	page, today := Page[ListedBody]{Items: []ListedBody{}}, numberdb.DayOf(a.now())
	if t := (numberdb.Target{Number: in.wanted.exact}); in.Cursor == "" && t.Number != 0 && !o.has(t) { // new to the list, or in a listed range
		if l := a.catalogue.list.Lookup(t.Number, today); in.wanted.fits(&l, today) {
			page.Items = append(page.Items, listedBody(t, &l, today))
		}
	}
	looked := 0
	var last place
	for p := range o.after(in.from, in.wanted.spans) {
		if len(page.Items) == in.Limit || looked == mostLookedAt {
			page.Next = last.cursor()
			break
		}
		looked++
		last = p
		t := p.target()
		l := o.ranges[t.Number]
		if !t.Prefix {
			l = a.catalogue.list.Lookup(t.Number, today)
		}
		if in.wanted.fits(&l, today) {
			page.Items = append(page.Items, listedBody(t, &l, today))
		}
	}
	return &pageOutput[ListedBody]{page}, nil
}

// fits says whether a listing is what is wanted, on a day.
func (w *wanted) fits(l *numberdb.Listing, today numberdb.Day) bool {
	for role := range l.Roles {
		r := &l.Roles[role]
		standing := r.At(today)
		if w.roles.Has(numberdb.Role(role)) && standing != numberdb.StandingNone && (w.standing == numberdb.StandingNone || standing == w.standing) &&
			(w.brand == "" || r.Brand == w.brand) && w.isCompany(r.Brand) {
			return true
		}
	}
	return false
}

// isCompany says whether a brand is one that was typed.
func (w *wanted) isCompany(b numberdb.Brand) bool {
	if w.company == "" {
		return true
	}
	fits, known := w.names[b]
	if !known {
		fits = b != "" && (strings.Contains(string(b), w.company) || strings.Contains(strings.ToLower(dialplan.BrandName(string(b))), w.company))
		w.names[b] = fits
	}
	return fits
}

func listedBody(t numberdb.Target, l *numberdb.Listing, today numberdb.Day) ListedBody {
	b := ListedBody{Target: t.String(), Standing: standingOf(l, today), Brand: string(brandOf(l)), Marks: append([]string{}, namesOf(l.Marks)...)}
	for role := range l.Roles {
		if b.Class = l.Roles[role].Class.String(); l.Roles[role].Class != numberdb.ClassAnalytics {
			break
		}
	}
	b.Until = UntilByRole{beginning(l.Step(numberdb.RoleCallback, today).Until), beginning(l.Step(numberdb.RoleCallerID, today).Until)}
	return b
}
