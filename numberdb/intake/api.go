package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/extract"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/journal"
)

// Store keeps reports and knows listings: numberdb/redisstore is one. Its methods are called by many goroutines at once.
type Store interface {
	// Report stores a report that has passed [numberdb.Report.Check]. It returns only when the report is safe.
	Report(context.Context, numberdb.Report) (numberdb.Receipt, error)
	// Listing is what the list says about a number, ranges included.
	Listing(context.Context, numberdb.Number) (numberdb.Listing, error)
	// CountReport counts one more report of a reporter on a day, and gives how many that makes.
	CountReport(ctx context.Context, who string, day numberdb.Day) (int, error)
	// Caller is the victim's own number that was given with a report.
	Caller(ctx context.Context, n numberdb.Number, reportID string) (numberdb.Number, error)
	Records
	Answers
}

// Options is what an [API] is made of.
type Options struct {
	Store Store
	// Access keeps people and the tokens that were made here. Tokens are those that the config names: they work while the store is away.
	Access *access.Directory
	Tokens []Token
	// OIDCLabel is what people call the provider at which they can sign in, if Access has one. SignInPage is the path of the page that tells
	// them what went wrong there; a problem document does if empty.
	OIDCLabel, SignInPage string
	// ReportsPerDay and FeedReportsPerDay bound what one reporter sends in a day of UTC: [DefaultReportsPerDay] and
	// [DefaultFeedReportsPerDay] if zero.
	ReportsPerDay, FeedReportsPerDay int
	// Audit appends to the audit chain who was refused; nothing is written if nil.
	Audit func(context.Context, numberdb.AuditEntry) (uint64, error)
	// Decisions keeps what people decide and propose; without it those operations answer 503.
	Decisions DecisionStore
	// Companies keeps the registry of genuine lines; without it those operations answer 503.
	Companies Companies
	// Impact says what a decision would have touched; nobody knows if nil.
	Impact ImpactFunc
	// Calls is the journal, and CallRetention how long it keeps what happened: [journal.DefaultRetention] if zero. Nodes is where nodes tell how they
	// are, Chain the audit chain to be read. Their operations answer 503 without them.
	Calls         journal.Reader
	CallRetention time.Duration
	Nodes         NodeStore
	Chain         AuditChain
	// Origin says how to read a number without a country code where the request names no region.
	Origin numberdb.Origin
	// Policy decides what a caller would get.
	Policy screening.Policy
	// Rules are those by which the store makes standings, to explain them: [numberdb.DefaultRules] if nil.
	Rules *numberdb.Rules
	// Trunks are the operator's policies by name. Where they lack [DefaultTrunk], Origin and Policy stand in for it.
	Trunks map[string]Trunk
	// List is the node's list, for searches; without one they answer 503.
	List List
	// Voice knows which brands callers hear by name.
	Voice dialplan.Voice
	// Sounds is the folder below which 'linewarden prompts build' has put prompts, for people to listen to; they cannot if it is empty.
	Sounds string
	// Version of the program, for the API's description.
	Version string

	Clock   func() time.Time // time.Now if nil
	Logger  *slog.Logger     // nothing is logged if nil
	Metrics prometheus.Registerer
}

// API is the intake over HTTP. Its methods may be used by many goroutines at once.
type API struct {
	store   Store
	answers Answers
	access  *access.Directory
	tokens  []Token
	origin  numberdb.Origin
	view    View
	trunks  map[string]Trunk
	sounds  string

	catalogue catalogue
	now       func() time.Time
	log       *slog.Logger
	metrics   *metrics
	handler   http.Handler

	oidcLabel, signInPage string

	reportsPerDay, feedReportsPerDay int
	decisions                        DecisionStore
	companies                        Companies
	impact                           ImpactFunc
	appliers                         map[numberdb.ProposalKind]applier

	calls         journal.Reader
	callRetention time.Duration
	stats         recentStats
	nodes         NodeStore
	chain         AuditChain
	verifying     chan struct{} // holds one while the chain is being verified
	verifyTimeout time.Duration

	reader  *extract.Reader
	readers chan struct{} // holds one for each text that is being read

	crossOrigin http.CrossOriginProtection
	refusals    refusals
}

// DefaultTrunk is the name of the policy of calls that name none.
const DefaultTrunk = "default"

// look says by what rules and policy numbers are looked at.
func (a *API) look(o *Options) {
	trunk, ok := o.Trunks[DefaultTrunk]
	if !ok {
		trunk = Trunk{Screening: o.Policy, Origin: o.Origin}
	}
	a.trunks, a.sounds = o.Trunks, o.Sounds
	a.view = View{Rules: numberdb.DefaultRules(), Trunk: trunk, Voice: o.Voice}
	if o.Rules != nil {
		a.view.Rules = *o.Rules
	}
}

// Bounds on a request. A report of the longest text in the widest script is below 24 KiB.
const (
	maxBody      = 64 << 10
	bodyTimeout  = 5 * time.Second
	storeTimeout = 5 * time.Second
	retryAfter   = "5" // seconds that a client should wait while the store is away
)

// New checks the options and makes an API of them.
func New(o Options) (*API, error) {
	if o.Store == nil {
		return nil, errors.New("intake: no store given")
	}
	if o.Access == nil {
		return nil, errors.New("intake: no people and tokens given")
	}
	if err := checkTokens(o.Tokens); err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	a := &API{store: o.Store, answers: o.Store, access: o.Access, tokens: o.Tokens, origin: o.Origin, now: o.Clock, log: o.Logger, metrics: m}
	a.refusals.audit = o.Audit
	a.reportsPerDay, a.feedReportsPerDay = cmp.Or(o.ReportsPerDay, DefaultReportsPerDay), cmp.Or(o.FeedReportsPerDay, DefaultFeedReportsPerDay)
	a.oidcLabel, a.signInPage = o.OIDCLabel, o.SignInPage
	a.decisions, a.companies, a.impact = o.Decisions, o.Companies, o.Impact
	a.calls, a.callRetention, a.nodes = o.Calls, cmp.Or(o.CallRetention, journal.DefaultRetention), o.Nodes
	a.chain, a.verifying, a.verifyTimeout = o.Chain, make(chan struct{}, 1), verifyTimeout
	a.look(&o)
	a.catalogue.list, a.catalogue.now = o.List, func() time.Time { return a.now() }
	a.registerAppliers()
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	if err := a.routes(mux, o.Version); err != nil {
		return nil, err
	}
	a.handler = a.observed(mux)
	return a, nil
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// routes registers all operations and the description of them.
func (a *API) routes(mux *http.ServeMux, version string) error {
	config := huma.DefaultConfig("Linewarden intake", version)
	config.Info.Description = "Report telephone numbers that criminals use to pose as a company's support, and ask what is known of a number."
	// The library's own pages load scripts from elsewhere, and it builds its description on first use without a lock: we serve it.
	config.DocsPath, config.SchemasPath, config.OpenAPIPath = "", "", ""
	config.CreateHooks = nil
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{tidyProblem}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearerScheme: {Type: "http", Scheme: "bearer"},
		cookieScheme: {Type: "apiKey", In: "cookie", Name: access.SessionCookie},
	}
	api := humago.New(mux, config)
	a.registerReports(api)
	a.registerExtract(api)
	a.registerCallers(api)
	a.registerNumbers(api)
	a.registerEvidence(api)
	a.registerSearch(api)
	a.registerScreen(api)
	a.registerPrompts(api)
	a.registerSession(api)
	a.registerTOTP(api)
	a.registerOIDC(mux)
	a.registerUsers(api)
	a.registerTokens(api)
	if err := registerDocs(mux); err != nil {
		return err
	}
	a.registerDecisions(api)
	a.registerBrands(api)
	a.registerProposals(api)
	a.registerCollect(api)
	a.registerStats(api)
	a.registerCalls(api)
	a.registerNodes(api)
	a.registerAudit(api)
	description, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return fmt.Errorf("intake: describe the API: %w", err)
	}
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(description) // the asker has gone away: nobody is left to tell
	})
	return nil
}

// away is the answer while the store cannot be used. Whatever the cause, nothing was acknowledged; the cause is for the log alone.
func away(ctx context.Context, detail string, cause error) error {
	noteFrom(ctx).cause = cause
	return huma.ErrorWithHeaders(problem(http.StatusServiceUnavailable, detail), http.Header{"Retry-After": {retryAfter}})
}
