package intake

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// Usual bounds on the reports of one reporter in a day of UTC. A person on the telephone takes some dozens; a feed may be a list.
const (
	DefaultReportsPerDay     = 1000
	DefaultFeedReportsPerDay = 200_000
)

// withinQuota counts a report of a principal, and is an error once their day is full: whoever got hold of a reporter's rights cannot flood
// the list.
func (a *API) withinQuota(ctx context.Context, p Principal, now time.Time) error {
	most := a.reportsPerDay
	if p.Role == RoleFeed {
		most = a.feedReportsPerDay
	}
	today := numberdb.DayOf(now)
	count, err := a.store.CountReport(ctx, reporterID(p), today)
	if err != nil {
		return away(ctx, "The report could not be stored safely. Keep it and send it again.", err)
	}
	if count <= most {
		return nil
	}
	midnight := (today + 1).Time().Sub(now)
	return huma.ErrorWithHeaders(problem(http.StatusTooManyRequests,
		fmt.Sprintf("%d reports a day are taken from one reporter, and today's are used up. Keep the report and send it after midnight UTC, or ask an administrator.", most)),
		http.Header{"Retry-After": {strconv.Itoa(int(midnight/time.Second) + 1)}})
}
