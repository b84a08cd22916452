package intake

import (
	"context"

	"github.com/linewarden/linewarden/numberdb"
)

// Records is what is on record about numbers, for those who ask why: numberdb/redisstore keeps it.
type Records interface {
	// Summaries says in short what is known about numbers, in their order, and whether a reporter's own reports count.
	Summaries(ctx context.Context, numbers []numberdb.Number, source numberdb.Source, reporter string) ([]numberdb.Summary, error)
}
