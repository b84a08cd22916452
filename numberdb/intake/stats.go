package intake

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/singleflight"

	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/journal"
)

// StatsBody is what happened to calls.
type StatsBody struct {
	Hours    []HourBody        `json:"hours" nullable:"false" doc:"Every hour of UTC that was asked for, the earliest first; the last one is under way."`
	Brands   []BrandCallsBody  `json:"brands" nullable:"false" doc:"The companies whose impersonators had most calls, of those that the list had something to say about; at most 20."`
	Numbers  []NumberCallsBody `json:"numbers" nullable:"false" doc:"The listed numbers with most calls; at most 20."`
	Complete bool              `json:"complete" doc:"False if calls are missing in what is kept: hours before the journal's retention, counts that cannot be read, or more numbers than are counted."`
}

// HourBody is what happened to the calls that ended in an hour.
type HourBody struct {
	Hour     time.Time         `json:"hour" doc:"When it begins."`
	Calls    CallsByWay        `json:"calls"`
	Outcomes map[string]uint64 `json:"outcomes" doc:"How many calls had which outcome: passed, labelled, went_on, skipped, helpline, no_key, refused, hung_up or lost; those that none had are left out."`
}

// CallsByWay counts calls by direction.
type CallsByWay struct {
	Inbound  CallsByAction `json:"inbound"`
	Outbound CallsByAction `json:"outbound"`
}

// CallsByAction counts calls by what was done to them.
type CallsByAction struct {
	Allow uint64 `json:"allow"`
	Label uint64 `json:"label"`
	Warn  uint64 `json:"warn"`
	Block uint64 `json:"block"`
}

// BrandCallsBody is how many calls posed as a company, both ways.
type BrandCallsBody struct {
	Brand string `json:"brand"`
	Calls uint64 `json:"calls"`
}

// NumberCallsBody is how many calls a number had in a direction.
type NumberCallsBody struct {
	Number    string `json:"number"`
	Calls     uint64 `json:"calls"`
	Direction string `json:"direction" enum:"inbound,outbound"`
}

const (
	// mostRanked is how many brands and numbers are shown.
	mostRanked = 20
	// mostRankable bounds the memory for those among which they are found.
	mostRankable = 100_000
	// statsTimeout is for thirty days of ten busy nodes.
	statsTimeout = 20 * time.Second
	// statsKept is for how long an answer is given again: a dashboard asks several times for the same, and may be open at many desks.
	statsKept = 5 * time.Second
)

type statsInput struct {
	Hours int `query:"hours" minimum:"1" maximum:"720" default:"24" doc:"How many hours, up to the one that is under way; at most thirty days."`
}

type statsOutput struct{ Body *StatsBody }

func (a *API) registerStats(api huma.API) {
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "get-stats", Method: http.MethodGet, Path: "/v1/stats",
		Summary: "Count calls by the hour", Description: "All nodes together; what happened can be seen after about a second.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}, RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator), a.getStats)
}

func (a *API) getStats(ctx context.Context, in *statsInput) (*statsOutput, error) {
	if a.calls == nil {
		return nil, away(ctx, "This endpoint has no journal of calls.", nil)
	}
	body, err := a.stats.get(in.Hours, a.now(), func() (*StatsBody, error) {
		// Whoever asked first asks for all who wait, so that their going must not end it.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), statsTimeout)
		defer cancel()
		return a.countHours(bounded, in.Hours)
	})
	if err != nil {
		return nil, away(ctx, "The counts of calls cannot be read right now.", err)
	}
	return &statsOutput{body}, nil
}

// countHours adds up the hours until now.
func (a *API) countHours(ctx context.Context, hours int) (*StatsBody, error) {
	now := a.now()
	first := now.UTC().Truncate(time.Hour).Add(-time.Duration(hours-1) * time.Hour)
	body := &StatsBody{Hours: make([]HourBody, 0, hours), Complete: !first.Before(now.Add(-a.callRetention))}
	brands, lines := map[string]uint64{}, map[journal.LineKind]uint64{}
	for h, err := range journal.Hours(ctx, a.calls, first, hours) {
		if err != nil {
			return nil, err
		}
		body.Hours = append(body.Hours, hourBody(&h))
		body.Complete = body.Complete && h.Unknown == 0
		for b, n := range h.Brands {
			body.Complete = tallyUp(brands, string(b.Brand), n, b.Brand != "") && body.Complete
		}
		for l, n := range h.Lines {
			body.Complete = tallyUp(lines, l, n, l.Number != 0) && body.Complete
		}
	}
	body.Brands, body.Numbers = []BrandCallsBody{}, []NumberCallsBody{}
	for _, b := range topOf(brands, cmp.Compare[string]) {
		body.Brands = append(body.Brands, BrandCallsBody{b, brands[b]})
	}
	for _, l := range topOf(lines, func(a, b journal.LineKind) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Direction, b.Direction))
	}) {
		body.Numbers = append(body.Numbers, NumberCallsBody{l.Number.String(), lines[l], l.Direction.String()})
	}
	return body, nil
}

// tallyUp adds to the count of something that has a name, unless there are too many already, and says whether it did.
func tallyUp[K comparable](counts map[K]uint64, of K, n uint64, named bool) bool {
	if _, known := counts[of]; !named || !known && len(counts) >= mostRankable {
		return false
	}
	counts[of] += n
	return true
}

// topOf is what has the highest counts, the highest first; order breaks ties.
func topOf[K comparable](counts map[K]uint64, order func(a, b K) int) []K {
	all := make([]K, 0, len(counts))
	for k := range counts {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b K) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), order(a, b)) })
	return all[:min(len(all), mostRanked)]
}

func hourBody(h *journal.Hour) HourBody {
	b := HourBody{Hour: h.Start, Outcomes: map[string]uint64{}}
	for kind, n := range h.Calls {
		calls := &b.Calls.Inbound
		if kind.Direction == screening.Outbound {
			calls = &b.Calls.Outbound
		}
		*calls.of(kind.Action) += n
		b.Outcomes[kind.Outcome.String()] += n
	}
	return b
}

// of is the counter of an action.
func (c *CallsByAction) of(a screening.Action) *uint64 {
	switch a {
	case screening.Label:
		return &c.Label
	case screening.Warn:
		return &c.Warn
	case screening.Block:
		return &c.Block
	default:
		return &c.Allow
	}
}

// recentStats are answers that are good for some seconds, by how many hours were asked for. The zero value is ready.
type recentStats struct {
	asking singleflight.Group

	mu   sync.Mutex
	kept map[int]keptStats
}

type keptStats struct {
	body *StatsBody
	at   time.Time
}

// get is a recent answer, or a new one; who asks for the same meanwhile waits for it.
func (r *recentStats) get(hours int, now time.Time, find func() (*StatsBody, error)) (*StatsBody, error) {
	if body := r.recent(hours, now); body != nil {
		return body, nil
	}
	body, err, _ := r.asking.Do(strconv.Itoa(hours), func() (any, error) {
		if body := r.recent(hours, now); body != nil { // found while we came here
			return body, nil
		}
		body, err := find()
		if err == nil {
			r.keep(hours, now, body)
		}
		return body, err
	})
	return body.(*StatsBody), err
}

func (r *recentStats) recent(hours int, now time.Time) *StatsBody {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.kept[hours]; !k.at.IsZero() && now.Sub(k.at).Abs() < statsKept {
		return k.body
	}
	return nil
}

func (r *recentStats) keep(hours int, now time.Time, body *StatsBody) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other, k := range r.kept {
		if now.Sub(k.at).Abs() >= statsKept {
			delete(r.kept, other)
		}
	}
	if r.kept == nil {
		r.kept = map[int]keptStats{}
	}
	r.kept[hours] = keptStats{body, now}
}
