package intake

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// Companies keeps the registry of genuine lines: numberdb/redisstore does. Its methods are called by many goroutines at once.
type Companies interface {
	Companies(context.Context) ([]numberdb.CompanyRecord, error)
	// Company is one of them; the error wraps [numberdb.ErrNoCompany] if there is none.
	Company(context.Context, numberdb.Brand) (numberdb.CompanyRecord, error)
	// SetCompany puts one into the registry in place of the version that it names; the error wraps [numberdb.ErrOutdated] if that is not the
	// current one.
	SetCompany(context.Context, numberdb.CompanyRecord) error
}

// BrandBody is a company of the registry: somebody whose lines are genuine.
type BrandBody struct {
	Slug      string     `json:"slug"`
	Name      string     `json:"name" doc:"As it writes itself."`
	Kind      string     `json:"kind" enum:"brand,helpline,hospital,operator,authority"`
	Numbers   []LineBody `json:"numbers" nullable:"false" doc:"Its genuine lines. Reports about them are kept as signs of forging, and never warn or block anybody."`
	NeverAsks []string   `json:"never_asks" nullable:"false" doc:"What it never asks for or does on the telephone."`
	Prompt    string     `json:"prompt" doc:"Slug of the clip that speaks its name in warnings; empty if none does."`
	Shipped   bool       `json:"shipped" doc:"It came with the program, and nobody has changed it since."`
	UpdatedBy string     `json:"updated_by" doc:"Who proposed the last change."`
	UpdatedAt *time.Time `json:"updated_at,omitempty"`
}

// LineBody is a genuine line.
type LineBody struct {
	Number  string `json:"number" doc:"In E.164 form, or a range such as +1809555*."`
	Note    string `json:"note" doc:"What it is for."`
	Source  string `json:"source" doc:"The page on which the company or an authority names it."`
	Checked string `json:"checked" doc:"When somebody looked (ISO 8601)."`
	Covers  uint64 `json:"covers" doc:"About how many numbers that are assigned to somebody it takes in."`
}

// BrandsBody are companies of the registry.
type BrandsBody struct {
	Items []BrandBody `json:"items" nullable:"false"`
}

// BrandChange is a company as it shall be.
type BrandChange struct {
	Name      string       `json:"name" minLength:"1" maxLength:"100"`
	Kind      string       `json:"kind" enum:"brand,helpline,hospital,operator,authority"`
	Numbers   []LineChange `json:"numbers" maxItems:"50" nullable:"false" doc:"All of its genuine lines: one that is left out is no longer protected."`
	NeverAsks []string     `json:"never_asks,omitempty" uniqueItems:"true" enum:"sign_in_code,card_or_bank_data,remote_access,gift_cards,odd_purchases,fee,installs_software,refund" nullable:"false"`
	Prompt    string       `json:"prompt,omitempty" pattern:"^[a-z0-9-]{0,32}$"`
	Reason    string       `json:"reason" minLength:"1" maxLength:"1000" doc:"For the second person, and those who later ask why."`
}

// LineChange is a genuine line as it shall be.
type LineChange struct {
	Number  string `json:"number" maxLength:"200" example:"+12025550143" doc:"A number, as people write it, or a range such as +1809555*."`
	Note    string `json:"note,omitempty" maxLength:"200"`
	Source  string `json:"source" maxLength:"300" example:"https://example.com/contact" doc:"The page on which the company or an authority names it."`
	Checked string `json:"checked" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" example:"2026-11-21" doc:"When somebody looked."`
}

type brandsInput struct {
	Kind string `query:"kind" enum:"brand,helpline,hospital,operator,authority" doc:"Only those of this kind."`
	Q    string `query:"q" maxLength:"200" doc:"Only those with this in their name or slug, or with these digits in a number."`
}

type brandsOutput struct{ Body BrandsBody }

type brandInput struct {
	Slug string `path:"slug" pattern:"^[a-z0-9-]{1,32}$" example:"amazon"`
}

type brandOutput struct {
	ETag string `header:"ETag"`
	Body BrandBody
}

type brandChangeInput struct {
	Slug    string `path:"slug" pattern:"^[a-z0-9-]{1,32}$" example:"amazon"`
	IfMatch string `header:"If-Match" maxLength:"200" doc:"The ETag of the company as you have read it; leave it out for a new one."`
	Body    BrandChange

	company numberdb.Company
}

type forgingsOutput struct{ Body ForgingsBody }

// ForgingsBody says how much a company's lines are being forged.
type ForgingsBody struct {
	Items []ForgingBody `json:"items" nullable:"false"`
}

// ForgingBody says how much a line is being forged.
type ForgingBody struct {
	Number  string `json:"number"`
	Reports int    `json:"reports" doc:"How many reports about it are stored."`
}

func (a *API) registerBrands(api huma.API) {
	reads := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}
	huma.Register(api, a.keepsCompanies(a.allow(huma.Operation{
		OperationID: "list-brands", Method: http.MethodGet, Path: "/v1/brands", Errors: reads,
		Summary: "List the companies whose lines are genuine",
	}, AllRoles...)), a.listBrands)
	huma.Register(api, a.keepsCompanies(a.allow(huma.Operation{
		OperationID: "get-brand", Method: http.MethodGet, Path: "/v1/brands/{slug}", Errors: append(reads, http.StatusNotFound),
		Summary: "Show a company and its genuine lines",
	}, AllRoles...)), a.getBrand)
	huma.Register(api, a.keepsCompanies(a.allow(huma.Operation{
		OperationID: "list-forgings", Method: http.MethodGet, Path: "/v1/brands/{slug}/forgings", Errors: append(reads, http.StatusNotFound),
		Summary: "Say how much a company's lines are being forged",
	}, RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator)), a.listForgings)
	huma.Register(api, a.keepsCompanies(a.keepsProposals(a.allowPeople(huma.Operation{
		OperationID: "change-brand", Method: http.MethodPut, Path: "/v1/brands/{slug}", DefaultStatus: http.StatusAccepted,
		Summary:      "Propose a company, or a change of one",
		Description:  "It waits for a second person, and is then in force: its lines are protected, those that are left out are not any more.",
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Errors: append(reads, http.StatusBadRequest, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType),
	}, RoleReviewer))), a.changeBrand)
}

// keepsCompanies makes an operation fail where nothing keeps the registry.
func (a *API) keepsCompanies(op huma.Operation) huma.Operation {
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		if a.companies == nil {
			a.refuse(ctx, http.StatusServiceUnavailable, "This endpoint keeps no registry of genuine lines.")
			return
		}
		next(ctx)
	})
	return op
}

func (a *API) listBrands(ctx context.Context, in *brandsInput) (*brandsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	all, err := a.companies.Companies(ctx)
	if err != nil {
		return nil, away(ctx, "The registry cannot be read right now.", err)
	}
	body := BrandsBody{Items: []BrandBody{}}
	for _, r := range all {
		if r.Matches(in.Q) && (in.Kind == "" || r.Kind.String() == in.Kind) {
			body.Items = append(body.Items, brandBody(&r))
		}
	}
	return &brandsOutput{body}, nil
}

func (a *API) getBrand(ctx context.Context, in *brandInput) (*brandOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	r, err := a.company(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return &brandOutput{etag(r.Version), brandBody(&r)}, nil
}

// company reads a company, or gives the answer that there is none.
func (a *API) company(ctx context.Context, slug string) (numberdb.CompanyRecord, error) {
	r, err := a.companies.Company(ctx, numberdb.Brand(slug))
	switch {
	case errors.Is(err, numberdb.ErrNoCompany):
		return r, problem(http.StatusNotFound, "There is no such company in the registry.")
	case err != nil:
		return r, away(ctx, "The registry cannot be read right now.", err)
	}
	return r, nil
}

func (a *API) listForgings(ctx context.Context, in *brandInput) (*forgingsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	r, err := a.company(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	var numbers []numberdb.Number
	for _, l := range r.Lines {
		if !l.Target.Prefix { // reports are about numbers
			numbers = append(numbers, l.Target.Number)
		}
	}
	found, err := a.store.Summaries(ctx, numbers, numberdb.Source{}, "")
	if err != nil {
		return nil, away(ctx, "The reports cannot be counted right now.", err)
	}
	body := ForgingsBody{Items: []ForgingBody{}}
	for i, s := range found {
		body.Items = append(body.Items, ForgingBody{numbers[i].String(), s.Reports})
	}
	return &forgingsOutput{body}, nil
}

// Resolve implements [huma.Resolver]: it turns the body into a company and names all that is wrong with it.
func (in *brandChangeInput) Resolve(ctx huma.Context) []error {
	n, b := noteFrom(ctx.Context()), &in.Body
	c := numberdb.Company{Slug: numberdb.Brand(in.Slug), Name: b.Name, Prompt: numberdb.Brand(b.Prompt), Lines: []numberdb.GenuineLine{}}
	errs := []error{
		unknownWord("kind", b.Kind, &c.Kind),
		unknownWord("never_asks", strings.Join(b.NeverAsks, ","), &c.NeverAsks),
	}
	for i, l := range b.Numbers {
		within := "numbers[" + strconv.Itoa(i) + "]."
		line := numberdb.GenuineLine{Note: l.Note, Source: l.Source}
		var why string
		if line.Target, why = readTarget(l.Number, n.origin); why != "" {
			errs = append(errs, finding(within+"number", why))
		}
		errs = append(errs, unknownWord(within+"checked", l.Checked, &line.Checked))
		c.Lines = append(c.Lines, line)
	}
	errs = append(errs, faultDetails(c.Check(n.begin))...)
	in.company = c
	return withoutNil(errs)
}

// changeBrand proposes a company as it shall be.
func (a *API) changeBrand(ctx context.Context, in *brandChangeInput) (*proposalOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	change := brandPayload{After: in.company}
	switch r, err := a.companies.Company(ctx, in.company.Slug); {
	case errors.Is(err, numberdb.ErrNoCompany):
		if in.IfMatch != "" {
			return nil, outdated()
		}
	case err != nil:
		return nil, away(ctx, "The registry cannot be read right now; nothing was proposed.", err)
	case in.IfMatch == "":
		return nil, problem(http.StatusPreconditionRequired, "There is such a company: read it, and send its ETag as If-Match with the change.")
	case !matches(in.IfMatch, r.Version):
		return nil, outdated()
	default:
		change.Before, change.Version = &r.Company, r.Version
	}
	payload, err := json.Marshal(change)
	if err != nil {
		return nil, err
	}
	p, err := a.propose(ctx, numberdb.Proposal{Kind: numberdb.ProposalBrand, Payload: payload, Reason: in.Body.Reason})
	if err != nil {
		return nil, a.undecided(ctx, err)
	}
	return a.proposalAnswer(&p, principalOf(ctx)), nil
}

func brandBody(r *numberdb.CompanyRecord) BrandBody {
	b := BrandBody{
		Slug: string(r.Slug), Name: r.Name, Kind: r.Kind.String(), Numbers: []LineBody{}, NeverAsks: namesOf(r.NeverAsks), Prompt: string(r.Prompt),
		Shipped: r.Shipped, UpdatedBy: r.UpdatedBy,
	}
	if !r.UpdatedAt.IsZero() {
		b.UpdatedAt = &r.UpdatedAt
	}
	for _, l := range r.Lines {
		b.Numbers = append(b.Numbers, LineBody{l.Target.String(), l.Note, l.Source, l.Checked.String(), l.Target.Covers()})
	}
	return b
}
