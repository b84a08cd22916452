package pages

import (
	"fmt"
	"slices"
	"time"
)

// timeline is a number's evidence as a picture: a bar for each span of time, as high as reports are many, and a mark for each decision.
type timeline struct {
	Summary  string
	From, To time.Time
	Most     int // reports in one span
	Views    []timelineView
}

// timelineView is the picture in one width, in units of its own. Widths differ because text in a picture shrinks with it.
type timelineView struct {
	Class         string
	Width, Height int
	Base          int // where the bars stand
	Bars          []timelineBar
	Marks         []timelineMark
	Ticks         []timelineTick
}

type timelineBar struct {
	X, Y, W, H int
	Trusted    bool
	Title      string
}

type timelineMark struct {
	X               int
	Standing, Title string
}

type timelineTick struct {
	X      int
	Anchor string // of the text: start, middle or end
	Text   string
}

const (
	timelineBase   = 120
	timelineHeight = 150
	timelineTop    = 34 // above it are the marks
	shortestSpan   = 30 * 24 * time.Hour
)

// timeline draws what is known, nil if nothing is.
func (v *visit) timeline(reports []filed, decisions []decision) *timeline {
	if len(reports)+len(decisions) == 0 {
		return nil
	}
	now := v.p.now()
	from := now.Add(-shortestSpan)
	for _, r := range reports {
		from = earlier(from, r.Received)
	}
	for _, d := range decisions {
		from = earlier(from, d.At)
	}
	t := &timeline{From: from, To: now, Summary: v.words.text("timeline.summary", len(reports), v.words.text("timeline.decisions", len(decisions)))}
	for _, view := range []struct {
		class       string
		width, bars int
	}{{"wide", 720, 48}, {"narrow", 320, 24}} {
		t.Views = append(t.Views, v.timelineView(t, view.class, view.width, view.bars, reports, decisions))
	}
	return t
}

func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (v *visit) timelineView(t *timeline, class string, width, spans int, reports []filed, decisions []decision) timelineView {
	view := timelineView{Class: class, Width: width, Height: timelineHeight, Base: timelineBase}
	all := t.To.Sub(t.From)
	at := func(moment time.Time) float64 { return min(max(float64(moment.Sub(t.From))/float64(all), 0), 1) }

	counts := make([][2]int, spans) // unverified, trusted
	for _, r := range reports {
		span := min(int(at(r.Received)*float64(spans)), spans-1)
		kind := 0
		if r.Source.Kind == "staff" || r.Source.Kind == "partner" {
			kind = 1
		}
		counts[span][kind]++
	}
	t.Most = 1
	for _, c := range counts {
		t.Most = max(t.Most, c[0]+c[1])
	}
	const room = timelineBase - timelineTop
	for i, c := range counts {
		x, next := i*width/spans, (i+1)*width/spans
		y := timelineBase
		for kind := 1; kind >= 0; kind-- {
			if c[kind] == 0 {
				continue
			}
			h := max(c[kind]*room/t.Most, 3)
			y -= h
			day := v.words.day(t.From.Add(all * time.Duration(i) / time.Duration(spans)))
			view.Bars = append(view.Bars, timelineBar{
				X: x + 1, Y: y, W: max(next-x-2, 2), H: h, Trusted: kind == 1,
				Title: day + ": " + v.words.text("report.reports", c[kind]),
			})
		}
	}
	for _, d := range slices.Backward(decisions) { // the newest is drawn last, on top
		what := d.Standing
		if d.Mark != "" {
			what = "cleared"
		}
		view.Marks = append(view.Marks, timelineMark{
			X: 8 + int(at(d.At)*float64(width-16)), Standing: what,
			Title: fmt.Sprintf("%s: %s (%s)", v.words.day(d.At), v.words.code("standing", d.Standing), d.Author),
		})
	}
	view.Ticks = []timelineTick{{0, "start", v.words.day(t.From)}, {width, "end", v.words.text("timeline.today")}}
	if width > 400 {
		view.Ticks = append(view.Ticks, timelineTick{width / 2, "middle", v.words.day(t.From.Add(all / 2))})
	}
	return view
}
