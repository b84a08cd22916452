package pages

import (
	"bytes"
	"fmt"
	"image/color"
	"net/http"
	"path"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// theme are a chart's colours. They are those of assets/style.css: a picture of its own does not see a page's.
type theme struct{ ink, line, screened, labelled, warned, refused color.Color }

var themes = map[string]theme{
	"light": {rgb(0x566273), rgb(0xdfe4ec), rgb(0x7c93bd), rgb(0x7a6fc0), rgb(0xd07f14), rgb(0xc2332b)},
	"dark":  {rgb(0xa3b0c2), rgb(0x2b3647), rgb(0x6d86b5), rgb(0xa79cf0), rgb(0xe39a35), rgb(0xef6a60)},
}

func rgb(hex uint32) color.Color {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255}
}

// Sizes of a chart in its own units. A narrow one is for a telephone, so that its text is not shrunk.
var chartSizes = map[string]struct{ width, height vg.Length }{"wide": {720, 220}, "narrow": {340, 200}}

// showChart draws one of the dashboard's charts: /charts/<what>-<theme>-<size>.svg?hours=
func showChart(v *visit) error {
	name, isSVG := strings.CutSuffix(path.Base(v.r.PathValue("file")), ".svg")
	words := strings.Split(name, "-")
	if !isSVG || len(words) != 3 {
		return &problem{Status: http.StatusNotFound}
	}
	colours, known := themes[words[1]]
	size, fits := chartSizes[words[2]]
	if !known || !fits || words[0] != "acted" && words[0] != "screened" {
		return &problem{Status: http.StatusNotFound}
	}
	hours, bar := v.period()
	var s stats
	if err := v.get("/v1/stats?hours="+strconv.Itoa(hours), &s); err != nil {
		return err
	}
	list := s.buckets(v.p.now(), hours, bar)
	stack := []layer{{colours.screened, func(b bucket) int { return b.Screened }}}
	if words[0] == "acted" {
		stack = []layer{
			{colours.refused, func(b bucket) int { return b.Refused }},
			{colours.warned, func(b bucket) int { return b.Warned }},
			{colours.labelled, func(b bucket) int { return b.Labelled }},
		}
	}
	picture, err := v.words.barChart(list, stack, colours, size.width, size.height, bar)
	if err != nil {
		return fmt.Errorf("draw the chart: %w", err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'") // a picture: it runs and loads nothing
	h.Set("Cache-Control", "private, max-age=60")
	_, _ = v.w.Write(picture) // the asker has gone away: nobody is left to tell
	return nil
}

// layer is one part of each bar.
type layer struct {
	colour color.Color
	height func(bucket) int
}

// barChart draws bars over time, the first layer at the bottom.
func (l *words) barChart(list []bucket, stack []layer, t theme, width, height vg.Length, hoursEach int) ([]byte, error) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	label := func(s *draw.TextStyle) {
		s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 11}
		s.Color = t.ink
	}
	label(&p.X.Tick.Label)
	label(&p.Y.Tick.Label)
	p.X.LineStyle.Color, p.X.LineStyle.Width = t.line, 1
	p.X.Tick.Length = 6 // the distance of the labels, since no lines are drawn
	p.X.Tick.LineStyle.Width, p.Y.Tick.LineStyle.Width, p.Y.LineStyle.Width = 0, 0, 0
	p.X.Padding, p.Y.Padding = 0, 4
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal = draw.LineStyle{Color: t.line, Width: 1}
	p.Add(grid)

	const gaps = 62 // of the width are taken by what stands beside the bars
	each := (width - gaps) / vg.Length(len(list))
	var below *plotter.BarChart
	highest := 1
	for _, b := range list {
		sum := 0
		for _, part := range stack {
			sum += part.height(b)
		}
		highest = max(highest, sum)
	}
	for _, part := range stack {
		values := make(plotter.Values, len(list))
		for i, b := range list {
			values[i] = float64(part.height(b))
		}
		bars, err := plotter.NewBarChart(values, each*0.72)
		if err != nil {
			return nil, err
		}
		bars.Color, bars.LineStyle.Width = part.colour, 0
		if below != nil {
			bars.StackOn(below)
		}
		below = bars
		p.Add(bars)
	}
	p.X.Min, p.X.Max, p.Y.Min = -0.6, float64(len(list))-0.4, 0
	p.Y.Tick.Marker, p.Y.Max = l.wholeTicks(highest)
	p.X.Tick.Marker = l.timeTicks(list, hoursEach, width)

	canvas := vgsvg.New(width, height)
	const overhang = 14 // half of the last label
	p.Draw(draw.Crop(draw.New(canvas), 0, -overhang, 0, 0))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	// The machine that looks may not have the font that the chart was measured in.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Inter,system-ui,'Liberation Sans',Arial,sans-serif")), nil
}

// wholeTicks are about four round whole numbers from zero to above highest.
func (l *words) wholeTicks(highest int) (plot.Ticker, float64) {
	step := 1
	for step*4 < highest {
		switch lead := strconv.Itoa(step)[0]; lead {
		case '2':
			step = step / 2 * 5
		default:
			step *= 2
		}
	}
	var ticks plot.ConstantTicks
	top := (highest + step - 1) / step * step
	for n := 0; n <= top; n += step {
		ticks = append(ticks, plot.Tick{Value: float64(n), Label: l.count(n)})
	}
	return ticks, float64(top)
}

// timeTicks name some of the bars: hours of a day, or days.
func (l *words) timeTicks(list []bucket, hoursEach int, width vg.Length) plot.Ticker {
	every := 24 / hoursEach // one label a day
	if hoursEach == 1 {
		every = 4
	}
	if hoursEach == 24 {
		every = 5
	}
	if width < 400 {
		every *= 2
	}
	var ticks plot.ConstantTicks
	for i := len(list) - 1; i >= 0; i -= every {
		begin := list[i].Begin
		text := begin.Format("15:04")
		if hoursEach > 1 {
			text = l.text("date.short", begin.Day(), l.text(fmt.Sprintf("month.%d", int(begin.Month()))))
		}
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: text})
	}
	return ticks
}
