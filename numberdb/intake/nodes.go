package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// NodeStore remembers for a day what nodes tell of themselves: numberdb/redisstore does. Its methods are called by many goroutines at once.
type NodeStore interface {
	// Nodes gives the records of nodes, and how long ago they told them, by name.
	Nodes(context.Context) (told map[string][]byte, ago map[string]time.Duration, err error)
}

const (
	// NodeInterval is the time after which a node tells again how it is.
	NodeInterval = 10 * time.Second
	// nodeStale is how long a node may be silent before it is taken for gone.
	nodeStale = 3*NodeInterval + 5*time.Second
)

// NodeState is what a node tells of itself.
type NodeState struct {
	Instance    string          `json:"instance"`
	Version     string          `json:"version"`
	Started     time.Time       `json:"started"`
	Screening   bool            `json:"screening" doc:"It screens calls."`
	Intake      bool            `json:"intake" doc:"It serves this API."`
	ListLoaded  bool            `json:"list_loaded" doc:"It has a list; without one, calls go on unscreened."`
	ListAge     float64         `json:"list_age_seconds" doc:"For how long its list has not been confirmed: up to 2 seconds while all is well."`
	ListNumbers int             `json:"list_numbers" doc:"How many numbers and ranges are listed there."`
	Asterisks   []AsteriskState `json:"asterisks" nullable:"false" doc:"The Asterisks whose calls it screens."`
}

// AsteriskState is how a node is connected to an Asterisk.
type AsteriskState struct {
	Name      string `json:"name" doc:"Host and port, as the node's config has them."`
	Connected bool   `json:"connected" doc:"Calls can be taken."`
}

// NodeBody is a node as it last told of itself.
type NodeBody struct {
	NodeState
	Seen  time.Time `json:"seen" doc:"When it last did, to the second."`
	Stale bool      `json:"stale" doc:"It has been silent for too long: it has died, or cannot reach the store."`
}

type nodesOutput struct {
	Body []NodeBody `nullable:"false"`
}

func (a *API) registerNodes(api huma.API) {
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "list-nodes", Method: http.MethodGet, Path: "/v1/nodes",
		Summary: "List the nodes and how they are", Description: "By name. A node that was stopped in order is not there; one that died is, for a day, as stale.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}, RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator), a.listNodes)
}

func (a *API) listNodes(ctx context.Context, _ *struct{}) (*nodesOutput, error) {
	if a.nodes == nil {
		return nil, away(ctx, "This endpoint knows of no nodes.", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	told, ago, err := a.nodes.Nodes(ctx)
	if err != nil {
		return nil, away(ctx, "How the nodes are cannot be read right now.", err)
	}
	now := a.now().UTC()
	out := &nodesOutput{Body: make([]NodeBody, 0, len(told))}
	for name, record := range told {
		n := NodeBody{Seen: now.Add(-ago[name]).Truncate(time.Second), Stale: ago[name] > nodeStale}
		if err := json.Unmarshal(record, &n.NodeState); err != nil {
			n.NodeState = NodeState{Instance: name} // of another version: that it lives is worth telling
		}
		if n.Asterisks == nil {
			n.Asterisks = []AsteriskState{}
		}
		out.Body = append(out.Body, n)
	}
	slices.SortFunc(out.Body, func(a, b NodeBody) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), a.Started.Compare(b.Started))
	})
	return out, nil
}
