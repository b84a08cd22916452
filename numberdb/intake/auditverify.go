package intake

import (
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// VerifyBody is what a check of the audit chain found.
type VerifyBody struct {
	Good     bool               `json:"good" doc:"All of it was checked, and nothing is wrong."`
	Complete bool               `json:"complete" doc:"All of it was checked; otherwise it was too long for a request, and nothing is known."`
	Entries  uint64             `json:"entries" doc:"How many entries there are; if it was not checked, how many there should be."`
	Head     string             `json:"head" doc:"The last entry's number, a colon and its hash. Keep it where nobody can change it, to prove later that nothing before it was changed."`
	Findings []AuditFindingBody `json:"findings" nullable:"false" doc:"The first 1000."`
	Omitted  uint64             `json:"omitted" doc:"How many more there are."`
}

// AuditFindingBody is one thing that is wrong, at one entry or at several in a row.
type AuditFindingBody struct {
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
	Fault  string `json:"fault" enum:"altered,missing,reordered,foreign,unreadable"`
	Detail string `json:"detail"`
}

type verifyInput struct {
	Head []string `query:"head,explode" maxItems:"100" doc:"A head that was kept elsewhere: what lies before it is proved too. Once for each."`

	known []numberdb.AuditHead
}

type verifyOutput struct{ Body VerifyBody }

// verifyTimeout is how long a request may check the chain; clients wait for 15 seconds.
const verifyTimeout = 8 * time.Second

// Resolve implements [huma.Resolver].
func (in *verifyInput) Resolve(huma.Context) (errs []error) {
	for _, text := range in.Head {
		h, err := numberdb.ParseAuditHead(text)
		if err != nil {
			errs = append(errs, &huma.ErrorDetail{Location: "query.head", Message: "is no head: write an entry's number, a colon and 64 hex digits", Value: ours{}})
		}
		in.known = append(in.known, h)
	}
	return errs
}

func (a *API) verifyAudit(ctx context.Context, in *verifyInput) (*verifyOutput, error) {
	if a.chain == nil {
		return nil, away(ctx, "This endpoint has no audit chain.", nil)
	}
	waiting, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	select {
	case a.verifying <- struct{}{}: // one at a time: each reads the whole chain
		defer func() { <-a.verifying }()
	case <-waiting.Done():
		return nil, away(ctx, "The audit chain is being checked for somebody else.", context.Cause(waiting))
	}
	bounded, cancel := context.WithTimeout(ctx, a.verifyTimeout)
	defer cancel()
	result, err := a.chain.VerifyAudit(bounded, in.known...)
	switch {
	case err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil:
		return a.unverified(ctx)
	case err != nil:
		return nil, away(ctx, "The audit chain cannot be read right now.", err)
	}
	out := &verifyOutput{VerifyBody{
		Good: len(result.Findings) == 0, Complete: true, Entries: result.Entries, Head: result.Last.String(),
		Findings: []AuditFindingBody{}, Omitted: result.Omitted,
	}}
	for _, f := range result.Findings {
		out.Body.Findings = append(out.Body.Findings, AuditFindingBody{f.First, f.Last, string(f.Fault), f.Detail})
	}
	return out, nil
}

// unverified is the answer about a chain that is too long for a request.
func (a *API) unverified(ctx context.Context) (*verifyOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	head, err := a.chain.AuditHead(ctx)
	if err != nil {
		return nil, away(ctx, "The audit chain cannot be read right now.", err)
	}
	return &verifyOutput{VerifyBody{Entries: head.Seq, Head: head.String(), Findings: []AuditFindingBody{}}}, nil
}
