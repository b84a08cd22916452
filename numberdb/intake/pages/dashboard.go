package pages

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// stats is what happened to calls, by the hour.
type stats struct {
	Hours []struct {
		Hour  time.Time `json:"hour"`
		Calls struct {
			Inbound  map[string]int `json:"inbound"`
			Outbound map[string]int `json:"outbound"`
		} `json:"calls"`
		Outcomes map[string]int `json:"outcomes"`
	} `json:"hours"`
	Brands []struct {
		Brand string `json:"brand"`
		Calls int    `json:"calls"`
	} `json:"brands"`
	Numbers []struct {
		Number    string `json:"number"`
		Calls     int    `json:"calls"`
		Direction string `json:"direction"`
	} `json:"numbers"`
	Complete bool `json:"complete"`
}

// node is one process of Linewarden, as it last said of itself.
type node struct {
	Instance  string    `json:"instance"`
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	Seen      time.Time `json:"seen"`
	Stale     bool      `json:"stale"` // it has been silent for too long
	Screening bool      `json:"screening"`
	Intake    bool      `json:"intake"`
	Loaded    bool      `json:"list_loaded"`
	ListAge   float64   `json:"list_age_seconds"`
	Numbers   int       `json:"list_numbers"`
	Asterisks []struct {
		Name      string `json:"name"`
		Connected bool   `json:"connected"`
	} `json:"asterisks"`
}

// listStale is how old a node's list may be before the page says so, in seconds.
const listStale = 60

// Health is one word for how a node is.
func (n *node) Health() string {
	switch {
	case n.Stale:
		return "gone"
	case !n.Loaded:
		return "listless"
	case n.ListAge > listStale:
		return "stale"
	}
	for _, a := range n.Asterisks {
		if !a.Connected {
			return "cut"
		}
	}
	return "good"
}

// periods are the spans that the dashboard offers, in hours, each with how many hours one bar stands for.
var periods = []struct{ hours, bar int }{{24, 1}, {168, 6}, {720, 24}}

// period is what the request asks for, a day if nothing sound.
func (v *visit) period() (hours, bar int) {
	for _, p := range periods {
		if v.form("hours") == strconv.Itoa(p.hours) {
			return p.hours, p.bar
		}
	}
	return periods[0].hours, periods[0].bar
}

// bucket is what happened in the time of one bar.
type bucket struct {
	Begin                               time.Time
	Screened, Labelled, Warned, Refused int
	Outcomes                            map[string]int
}

// buckets adds the hours up to bars, the oldest first. Hours in which nothing happened are there with zeros.
func (s *stats) buckets(now time.Time, hours, bar int) []bucket {
	width := time.Duration(bar) * time.Hour
	end := now.UTC().Truncate(time.Hour).Add(time.Hour)
	begin := end.Add(-time.Duration(hours) * time.Hour)
	list := make([]bucket, hours/bar)
	for i := range list {
		list[i] = bucket{Begin: begin.Add(time.Duration(i) * width), Outcomes: map[string]int{}}
	}
	for _, h := range s.Hours {
		if h.Hour.Before(begin) || !h.Hour.Before(end) {
			continue
		}
		b := &list[int(h.Hour.Sub(begin)/width)]
		for _, calls := range []map[string]int{h.Calls.Inbound, h.Calls.Outbound} {
			for action, n := range calls {
				b.Screened += n
				switch action {
				case "label":
					b.Labelled += n
				case "warn":
					b.Warned += n
				case "block":
					b.Refused += n
				}
			}
		}
		for outcome, n := range h.Outcomes {
			b.Outcomes[outcome] += n
		}
	}
	return list
}

// tally is one row of a ranking; Share is of the largest, in percent.
type tally struct {
	Name, Path, Note string
	Calls, Share     int
}

func ranked(list []tally) []tally {
	slices.SortStableFunc(list, func(a, b tally) int { return cmp.Compare(b.Calls, a.Calls) })
	list = list[:min(len(list), 8)]
	for i := range list {
		list[i].Share = max(list[i].Calls*100/max(list[0].Calls, 1), 1)
	}
	return list
}

// showDashboard shows what happened to calls, and how the nodes are.
func showDashboard(v *visit) error {
	hours, bar := v.period()
	var s stats
	if err := v.get("/v1/stats?hours="+strconv.Itoa(hours), &s); err != nil {
		return err
	}
	var nodes []node
	if err := v.get("/v1/nodes", &nodes); err != nil {
		return err
	}
	list := s.buckets(v.p.now(), hours, bar)
	var sum bucket
	outcomes := map[string]int{}
	for _, b := range list {
		sum.Screened += b.Screened
		sum.Labelled += b.Labelled
		sum.Warned += b.Warned
		sum.Refused += b.Refused
		for outcome, n := range b.Outcomes {
			outcomes[outcome] += n
		}
	}
	var brands, numbers []tally
	for _, b := range s.Brands {
		brands = append(brands, tally{Name: orElse(brandName(b.Brand), v.words.text("dashboard.nobrand")), Calls: b.Calls})
	}
	for _, n := range s.Numbers {
		numbers = append(numbers, tally{Name: prettyNumber(n.Number), Path: n.Number, Note: v.words.code("direction", n.Direction), Calls: n.Calls})
	}
	spans := make([]option, len(periods))
	for i, p := range periods {
		spans[i] = option{strconv.Itoa(p.hours), v.words.text("dashboard.hours." + strconv.Itoa(p.hours)), p.hours == hours}
	}
	return v.show(http.StatusOK, "dashboard", v.words.text("dashboard.title"), map[string]any{
		"Hours": hours, "Periods": spans, "Sum": sum, "Buckets": list, "Outcomes": outcomeTallies(v.words, outcomes),
		"Brands": ranked(brands), "Numbers": ranked(numbers), "Nodes": nodes, "Complete": s.Complete, "Daily": bar >= 24,
	})
}

// outcomeTallies are the outcomes of calls to which something was played, most first.
func outcomeTallies(w *words, outcomes map[string]int) []tally {
	var list []tally
	for outcome, n := range outcomes {
		if outcome != "passed" && n > 0 {
			list = append(list, tally{Name: w.code("outcome", outcome), Calls: n})
		}
	}
	slices.SortFunc(list, func(a, b tally) int { return cmp.Compare(a.Name, b.Name) })
	return ranked(list)
}
