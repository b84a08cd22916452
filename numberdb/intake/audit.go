package intake

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// AuditChain is the audit chain to be read: numberdb/redisstore has it. Its methods are called by many goroutines at once.
type AuditChain interface {
	AuditHead(context.Context) (numberdb.AuditHead, error)
	// AuditPart gives what lies at a place and behind it, or, newest first, at it and before: fewer than most only at the end of the chain.
	AuditPart(ctx context.Context, from uint64, most int, newestFirst bool) ([]numberdb.AuditRecord, error)
	// VerifyAudit walks all of it.
	VerifyAudit(ctx context.Context, known ...numberdb.AuditHead) (numberdb.AuditResult, error)
}

// AuditItem is one entry of the audit chain.
type AuditItem struct {
	Seq      uint64     `json:"seq" doc:"Its place; the first is 1."`
	At       *time.Time `json:"at,omitempty"`
	Who      string     `json:"who"`
	Role     string     `json:"role"`
	Action   string     `json:"action"`
	Object   string     `json:"object" doc:"What it was done to, such as a number in full."`
	Before   string     `json:"before" doc:"JSON; empty where there is nothing to say."`
	After    string     `json:"after" doc:"JSON likewise."`
	Reason   string     `json:"reason"`
	Previous string     `json:"previous" doc:"Hash of the entry before."`
	Hash     string     `json:"hash"`
	Fault    string     `json:"fault,omitempty" doc:"What is wrong with the entry by itself; if it cannot be read, the other fields are empty."`
}

// AuditPage is a page of the audit chain.
type AuditPage struct {
	Items []AuditItem `json:"items" nullable:"false" doc:"There may be fewer than asked for, or none, although there is a next page: a request goes through a bounded part of the chain."`
	Next  string      `json:"next" doc:"Cursor of the next page; empty on the last one."`
}

type auditInput struct {
	From   time.Time `query:"from" doc:"Only what happened then or later (RFC 3339)."`
	Until  time.Time `query:"until" doc:"Only what happened before."`
	Who    string    `query:"who" maxLength:"200" doc:"Only what they did; capitals do not matter."`
	Action string    `query:"action" maxLength:"40" example:"decided" doc:"Only this."`
	Object string    `query:"object" maxLength:"200" doc:"Only what was done to objects with this in their text, such as a number; capitals do not matter."`
	Order  string    `query:"order" enum:"newest,oldest" default:"newest" doc:"Which comes first."`
	Cursor string    `query:"cursor" pattern:"^[0-9]{1,20}$" doc:"As the page before named it."`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

type auditOutput struct{ Body AuditPage }

// Bounds on a page of the audit chain.
const (
	auditPart     = 500     // entries that are read together
	auditScan     = 20_000  // entries that are looked at
	auditPageSize = 256_000 // bytes of entries, after which a page is full: a single one may have more
	// auditSkew is how far the times of entries that follow each other may go back: every node's clock is good to this.
	auditSkew = time.Hour
)

func (a *API) registerAudit(api huma.API) {
	errs := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit",
		Summary: "Say who did what", Description: "Numbers are in full.", Errors: errs,
	}, RoleReviewer, RoleAuditor, RoleAdministrator), a.listAudit)
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "verify-audit", Method: http.MethodGet, Path: "/v1/audit/verify",
		Summary:     "Check that nothing in the audit chain was altered, removed or moved",
		Description: "A chain that is too long to be checked in some seconds is not complete; 'linewarden audit verify' on a node checks it.",
		Errors:      errs,
	}, RoleReviewer, RoleAuditor, RoleAdministrator), a.verifyAudit)
}

// Resolve implements [huma.Resolver].
func (in *auditInput) Resolve(huma.Context) []error {
	if in.Action != "" && !slices.Contains(numberdb.AuditActions(), numberdb.AuditAction(in.Action)) {
		return []error{&huma.ErrorDetail{Location: "query.action", Message: fmt.Sprintf("is unknown: write one of %q", numberdb.AuditActions()), Value: ours{}}}
	}
	return nil
}

func (a *API) listAudit(ctx context.Context, in *auditInput) (*auditOutput, error) {
	if a.chain == nil {
		return nil, away(ctx, "This endpoint has no audit chain.", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	page, err := a.auditPage(ctx, in)
	if err != nil {
		return nil, away(ctx, "The audit chain cannot be read right now.", err)
	}
	return &auditOutput{page}, nil
}

// auditPage goes through the chain from where the page begins, until it is full, or the chain or its bound is at an end.
func (a *API) auditPage(ctx context.Context, in *auditInput) (page AuditPage, err error) {
	page.Items = []AuditItem{}
	newest := in.Order == "newest"
	at, err := a.auditBegin(ctx, in)
	if err != nil {
		return page, err
	}
	for looked, size := 0, 0; ; {
		part, err := a.chain.AuditPart(ctx, at, auditPart, newest)
		if err != nil {
			return page, err
		}
		for i := range part {
			r := &part[i]
			looked++
			item, when, read := auditItem(r)
			if read && in.beyond(when, newest) {
				return page, nil
			}
			if in.wants(&item, when, read) {
				page.Items = append(page.Items, item)
				size += len(r.Encoded)
			}
			if newest && r.Seq <= 1 || !newest && r.Seq == math.MaxUint64 {
				return page, nil
			}
			if at = r.Seq + 1; newest {
				at = r.Seq - 1
			}
			if len(page.Items) == in.Limit || size >= auditPageSize || looked == auditScan {
				page.Next = strconv.FormatUint(at, 10)
				return page, nil
			}
		}
		if len(part) < auditPart {
			return page, nil
		}
	}
}

// auditBegin is the place where a page begins.
func (a *API) auditBegin(ctx context.Context, in *auditInput) (uint64, error) {
	switch {
	case in.Cursor != "":
		at, err := strconv.ParseUint(in.Cursor, 10, 64)
		if err != nil {
			at = math.MaxUint64 // there is no such place, nor one behind
		}
		return at, nil
	case in.Order == "newest" && !in.Until.IsZero():
		return a.auditSince(ctx, in.Until.Add(auditSkew), math.MaxUint64)
	case in.Order == "newest":
		return math.MaxUint64, nil
	case !in.From.IsZero():
		return a.auditSince(ctx, in.From.Add(-auditSkew), 0)
	}
	return 0, nil
}

// auditSince is the first place whose entry is not older than a time, by bisection: the times of the chain grow, or nearly so. Where so much of
// the chain cannot be read that this is not known, it is otherwise.
func (a *API) auditSince(ctx context.Context, t time.Time, otherwise uint64) (uint64, error) {
	head, err := a.chain.AuditHead(ctx)
	low, high := uint64(1), head.Seq+1 // it is not before low, nor behind high
	for err == nil && low < high {
		middle := low + (high-low)/2
		part, failed := a.chain.AuditPart(ctx, middle, 8, false)
		if failed != nil {
			return 0, failed
		}
		if len(part) == 0 || part[0].Seq >= high { // nothing is left of them
			high = middle
			continue
		}
		i := slices.IndexFunc(part, func(r numberdb.AuditRecord) bool { _, _, read := auditItem(&r); return read })
		if i < 0 || part[i].Seq >= high {
			return otherwise, nil
		}
		if _, when, _ := auditItem(&part[i]); when.Before(t) {
			low = part[i].Seq + 1
		} else {
			high = middle
		}
	}
	return low, err
}

// auditItem is what lies at a place, and when that was; it may not be readable.
func auditItem(r *numberdb.AuditRecord) (item AuditItem, at time.Time, read bool) {
	item = AuditItem{Seq: r.Seq, Hash: r.Hash.String()}
	var e numberdb.AuditEntry
	if err := e.UnmarshalBinary(r.Encoded); err != nil {
		item.Fault = err.Error()
		return item, at, false
	}
	item.At, item.Who, item.Role, item.Action, item.Object = &e.At, e.Who, e.Role, string(e.Action), e.Object
	item.Before, item.After, item.Reason, item.Previous = e.Before, e.After, e.Reason, e.Previous.String()
	switch {
	case numberdb.HashAudit(r.Encoded) != r.Hash:
		item.Fault = "its content does not give its hash"
	case e.Seq != r.Seq:
		item.Fault = fmt.Sprintf("entry %d stands in its place", e.Seq)
	}
	return item, e.At, true
}

// beyond says whether nothing is wanted from an entry of that time on.
func (in *auditInput) beyond(at time.Time, newest bool) bool {
	if newest {
		return !in.From.IsZero() && at.Before(in.From.Add(-auditSkew))
	}
	return !in.Until.IsZero() && !at.Before(in.Until.Add(auditSkew))
}

// wants says whether an entry is asked for. One that cannot be read is, unless only certain ones are.
func (in *auditInput) wants(item *AuditItem, at time.Time, read bool) bool {
	if !read {
		return in.Who == "" && in.Action == "" && in.Object == ""
	}
	return !at.Before(in.From) && (in.Until.IsZero() || at.Before(in.Until)) &&
		(in.Who == "" || strings.EqualFold(in.Who, item.Who)) &&
		(in.Action == "" || in.Action == item.Action) &&
		(in.Object == "" || strings.Contains(strings.ToLower(item.Object), strings.ToLower(in.Object)))
}
