package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Proposals lie beside the list, all on one slot: few are made, and their order and their states must be told apart at one moment. A proposal
// is one JSON text with a version; a script writes it only if nobody else has changed it since it was read. What it may become is for Go to
// say, so that a new kind of proposal needs nothing here.

// proposalOrder writes ids so that their order as text is that of their bytes.
var proposalOrder = base32.HexEncoding.WithPadding(base32.NoPadding)

// proposalForm is an id as newProposalID makes it.
var proposalForm = regexp.MustCompile(`^[0-9a-v]{26}$`)

// newProposalID is 48 bits of milliseconds since 1970 and 80 bits of chance.
func newProposalID(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails (crypto/rand)
	return strings.ToLower(proposalOrder.EncodeToString(b[:]))
}

// Propose stores a new proposal and returns it with its id. It is in the audit chain before it is stored, or the error is [ErrAudit]. Faults are
// an error of type [numberdb.Faults].
func (s *Store) Propose(ctx context.Context, p numberdb.Proposal) (numberdb.Proposal, error) {
	now := s.options.Now()
	if faults := p.Check(now); faults != nil {
		return p, fmt.Errorf("number list, propose: %w", faults)
	}
	p.ID, p.Version = newProposalID(p.At), 0
	entry, err := auditOf(numberdb.AuditProposed, p.Proposer, p.Object(), now, p.Reason, p)
	if err != nil {
		return p, fmt.Errorf("number list, propose: %w", err)
	}
	if len(entry.After) > numberdb.MaxAuditText { // the proposal itself is kept; each of its decisions gets an entry when it is made
		sum := sha256.Sum256([]byte(entry.After))
		entry.After = fmt.Sprintf(`{"id":%q,"kind":%q,"decisions":%d,"sha256":%q}`, p.ID, p.Kind, len(p.Decisions), hex.EncodeToString(sum[:]))
	}
	if _, err := s.auditFirst(ctx, entry); err != nil {
		return p, fmt.Errorf("number list, propose: %w", err)
	}
	return s.writeProposal(ctx, "propose", p.State, p)
}

// settledAs are the audit actions of what may become of a pending proposal.
var settledAs = map[numberdb.ProposalState]numberdb.AuditAction{
	numberdb.ProposalApproved: numberdb.AuditApproved, numberdb.ProposalRejected: numberdb.AuditRejected,
	numberdb.ProposalWithdrawn: numberdb.AuditWithdrawn, numberdb.ProposalExpired: numberdb.AuditExpired,
}

// Settle settles a proposal as it was read. It is in the audit chain before it is done, or the error is [ErrAudit]. If somebody else has
// changed the proposal since, the error is [numberdb.ErrSettled], nothing is changed, and the chain has that, too. Whether the person
// may settle it is for the caller to say.
func (s *Store) Settle(ctx context.Context, p numberdb.Proposal, as numberdb.Settlement) (numberdb.Proposal, error) {
	now := s.options.Now()
	action := settledAs[as.State]
	undone := p.State == numberdb.ProposalApproved && !p.Applied && as.State == numberdb.ProposalRejected // it turned out to be moot
	if action == "" || p.State != numberdb.ProposalPending && !undone {
		return p, fmt.Errorf("number list, settle: a proposal that is %v cannot become %v", p.State, as.State)
	}
	entry, err := auditOf(action, as.By, p.Object(), now, as.Reason, stateOf(p.ID, as.State))
	if err != nil {
		return p, fmt.Errorf("number list, settle: %w", err)
	}
	before, err := json.Marshal(stateOf(p.ID, p.State))
	if err != nil {
		return p, fmt.Errorf("number list, settle: %w", err)
	}
	entry.Before = string(before)
	audit, err := s.auditFirst(ctx, entry)
	if err != nil {
		return p, fmt.Errorf("number list, settle: %w", err)
	}
	after := p
	after.State, after.SettledBy, after.SettledAt, after.SettledReason = as.State, as.By, now, as.Reason
	settled, err := s.writeProposal(ctx, "settle", p.State, after)
	if errors.Is(err, numberdb.ErrSettled) {
		return p, s.refused(ctx, entry, fmt.Errorf("entry %d was not made: %w", audit, err))
	}
	return settled, err
}

// stateOf is a proposal's state as the audit chain shows it.
func stateOf(id string, state numberdb.ProposalState) any {
	return struct {
		Proposal string                 `json:"proposal"`
		State    numberdb.ProposalState `json:"state"`
	}{id, state}
}

// Applied notes that all of an approved proposal has been done.
func (s *Store) Applied(ctx context.Context, p numberdb.Proposal) (numberdb.Proposal, error) {
	if p.State != numberdb.ProposalApproved {
		return p, fmt.Errorf("number list, applied: the proposal is %v", p.State)
	}
	p.Applied = true
	return s.writeProposal(ctx, "applied", p.State, p)
}

// writeProposal writes a proposal that was changed from the version that it has, and gives it its new one.
func (s *Store) writeProposal(ctx context.Context, name string, from numberdb.ProposalState, p numberdb.Proposal) (numberdb.Proposal, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return p, fmt.Errorf("number list, writing a proposal: %w", err)
	}
	waits, ttl := 0, int64(0)
	if p.State == numberdb.ProposalApproved && !p.Applied {
		waits = 1
	} else if p.State != numberdb.ProposalPending {
		ttl = seconds(s.options.Retention)
	}
	err = s.call(ctx, name, func(ctx context.Context) error {
		if _, err := s.list(ctx); err != nil {
			return err
		}
		keys := []string{s.keys.proposal(p.ID), s.keys.proposals("all"), s.keys.proposals(from.String()), s.keys.proposals(p.State.String()),
			s.keys.proposals("unapplied")}
		return scriptError(s.scripts.proposal.Run(ctx, s.client, keys, p.ID, p.Version, text, waits, ttl).Err())
	})
	if err == nil {
		p.Version++
	}
	return p, err
}

// Proposal is a proposal as it is now. The error wraps [numberdb.ErrNoProposal] if there is none with the id.
func (s *Store) Proposal(ctx context.Context, id string) (p numberdb.Proposal, err error) {
	if !proposalForm.MatchString(id) {
		return p, fmt.Errorf("number list, proposal: %w", numberdb.ErrNoProposal)
	}
	err = s.call(ctx, "proposal", func(ctx context.Context) error {
		values, err := s.client.HMGet(ctx, s.keys.proposal(id), "v", "j").Result()
		if err == nil {
			p, err = parseProposal(values)
		}
		return err
	})
	return p, err
}

// Proposals are those that a query asks for, the latest first, and the id to continue after; empty at the end. What cannot be read is left out
// and counted.
func (s *Store) Proposals(ctx context.Context, q numberdb.ProposalQuery) (found []numberdb.Proposal, next string, err error) {
	if q.Limit < 1 || q.Limit > 200 || q.After != "" && !proposalForm.MatchString(q.After) {
		return nil, "", errors.New("number list, proposals: ask for 1 to 200, after the id of one")
	}
	index := s.keys.proposals("all")
	switch {
	case q.Unapplied:
		index = s.keys.proposals("unapplied")
	case q.State != nil:
		index = s.keys.proposals(q.State.String())
	}
	for next = q.After; len(found) < q.Limit; {
		var page []numberdb.Proposal
		var last string
		err := s.call(ctx, "proposals", func(ctx context.Context) (err error) {
			page, last, err = s.readProposals(ctx, index, next, q.Limit)
			return err
		})
		if err != nil {
			return nil, "", err
		}
		for _, p := range page {
			if q.Kind != nil && *q.Kind != p.Kind {
				continue
			}
			if found = append(found, p); len(found) == q.Limit {
				return found, p.ID, nil
			}
		}
		if next = last; last == "" {
			break
		}
	}
	return found, next, nil
}

// readProposals reads up to n proposals of an index, and gives the id of the last one that it has looked at; empty at the end.
func (s *Store) readProposals(ctx context.Context, index, after string, n int) (page []numberdb.Proposal, last string, err error) {
	most := "+"
	if after != "" {
		most = "(" + after
	}
	ids, err := s.client.ZRevRangeByLex(ctx, index, &redis.ZRangeBy{Min: "-", Max: most, Count: int64(n)}).Result()
	if err != nil {
		return nil, "", err
	}
	pipe := s.client.Pipeline()
	answers := make([]*redis.SliceCmd, len(ids))
	for i, id := range ids {
		answers[i] = pipe.HMGet(ctx, s.keys.proposal(id), "v", "j")
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, "", err
	}
	for _, a := range answers {
		p, err := parseProposal(a.Val())
		switch {
		case errors.Is(err, numberdb.ErrNoProposal): // its time to live has ended since, and tidying takes it out of the index
		case err != nil:
			s.unreadable(ctx, "proposal", 0, err)
		default:
			page = append(page, p)
		}
	}
	if len(ids) == n {
		last = ids[n-1]
	}
	return page, last, nil
}

// parseProposal reads the fields v and j. The error does not say what is wrong, for that would quote numbers.
func parseProposal(values []any) (p numberdb.Proposal, err error) {
	version, hasVersion := values[0].(string)
	text, hasText := values[1].(string)
	if !hasVersion && !hasText {
		return p, numberdb.ErrNoProposal
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, errors.New("a proposal has no JSON that we write")
	}
	p.Version, err = strconv.ParseUint(version, 10, 64)
	if err != nil {
		return p, errors.New("a proposal has no version")
	}
	return p, nil
}

// TidyProposals takes out of the indexes, a thousand at most, the ids of proposals whose time to live has ended, the earliest first. Call it now
// and then, such as daily.
func (s *Store) TidyProposals(ctx context.Context) (removed int, err error) {
	err = s.call(ctx, "tidy_proposals", func(ctx context.Context) error {
		ids, err := s.client.ZRangeByLex(ctx, s.keys.proposals("all"), &redis.ZRangeBy{Min: "-", Max: "+", Count: 1000}).Result()
		if err != nil {
			return err
		}
		pipe := s.client.Pipeline()
		there := make([]*redis.IntCmd, len(ids))
		for i, id := range ids {
			there[i] = pipe.Exists(ctx, s.keys.proposal(id))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		var gone []any
		for i, id := range ids {
			if there[i].Val() == 0 {
				gone = append(gone, id)
			}
		}
		if removed = len(gone); removed == 0 {
			return nil
		}
		pipe = s.client.Pipeline()
		for _, index := range proposalIndexes {
			pipe.ZRem(ctx, s.keys.proposals(index), gone...)
		}
		_, err = pipe.Exec(ctx)
		return err
	})
	return removed, err
}
