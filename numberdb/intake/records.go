package intake

import (
	"context"

	"github.com/linewarden/linewarden/numberdb"
)

// Records is what is on record about numbers, for those who ask why: numberdb/redisstore keeps it. Pages are given from a cursor on that the
// page before named as next, from the beginning if it is empty; next is empty after the last page. A cursor that no page can have named
// is [numberdb.ErrBadCursor].
type Records interface {
	// Summaries says in short what is known about numbers, in their order, and whether a reporter's own reports count.
	Summaries(ctx context.Context, numbers []numberdb.Number, source numberdb.Source, reporter string) ([]numberdb.Summary, error)
	// Record is all that is known about a number but the reports and decisions themselves.
	Record(context.Context, numberdb.Number) (numberdb.Record, error)
	// ReportPage gives reports about a number, the newest first.
	ReportPage(ctx context.Context, n numberdb.Number, cursor string, limit int) (found []numberdb.Filed, next string, err error)
	// HistoryPage gives what people have decided about a number or range, the latest first.
	HistoryPage(ctx context.Context, t numberdb.Target, cursor string, limit int) (found []numberdb.Act, next string, err error)
}
