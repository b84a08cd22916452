package redisstore

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// chart is one diagram of the picture: curves over the size of the list, both axes logarithmic.
type chart struct {
	title    string
	from, to float64 // of the vertical axis, powers of ten
	curves   []curve
}

type curve struct {
	name, color string
	dashed      bool
	value       func(growth) float64
}

var growthCharts = []chart{
	{"nanoseconds of CPU a look-up", 10, 1000, []curve{
		{"hit", "#c0392b", false, func(g growth) float64 { return g.busy[hit] }},
		{"prefix", "#8e44ad", false, func(g growth) float64 { return g.busy[inRange] }},
		{"miss (most calls)", "#2471a3", false, func(g growth) float64 { return g.busy[miss] }},
		{"one read of memory", "#7f8c8d", true, func(g growth) float64 { return g.memory }},
	}},
	{"seconds of CPU to load the list", 0.001, 10, []curve{
		{"from Redis", "#c0392b", false, func(g growth) float64 { return g.fromRedis }},
		{"from the snapshot", "#2471a3", false, func(g growth) float64 { return g.fromSnapshot }},
	}},
}

const (
	chartWidth, chartHeight = 360.0, 240.0
	chartLeft, chartTop     = 52.0, 34.0
	chartApart              = 150.0 // room for the names of the curves
)

// writeGrowthPicture draws the charts side by side.
func writeGrowthPicture(path string, all []growth) error {
	var svg strings.Builder
	width := float64(len(growthCharts)) * (chartLeft + chartWidth + chartApart)
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="12">`+"\n",
		width, chartTop+chartHeight+44)
	svg.WriteString(`<title>What a list costs a node, by its size</title><rect width="100%" height="100%" fill="#fff"/>` + "\n")
	for i, c := range growthCharts {
		c.draw(&svg, chartLeft+float64(i)*(chartLeft+chartWidth+chartApart), all)
	}
	svg.WriteString("</svg>\n")
	return os.WriteFile(path, []byte(svg.String()), 0o644)
}

func (c chart) draw(svg *strings.Builder, left float64, all []growth) {
	least, most := float64(all[0].numbers), float64(all[len(all)-1].numbers)
	x := func(n int) float64 { return left + chartWidth*math.Log(float64(n)/least)/math.Log(most/least) }
	y := func(v float64) float64 {
		return chartTop + chartHeight*(1-math.Log(min(max(v, c.from), c.to)/c.from)/math.Log(c.to/c.from))
	}
	fmt.Fprintf(svg, `<text x="%.1f" y="18" font-size="14">%s</text>`+"\n", left, c.title)
	for v := c.from; v <= c.to*1.001; v *= 10 {
		fmt.Fprintf(svg, `<path d="M%.1f %.1fh%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%g</text>`+"\n",
			left, y(v), chartWidth, left-6, y(v)+4, v)
	}
	for _, g := range all {
		fmt.Fprintf(svg, `<path d="M%.1f %.1fv%.1f" stroke="#eee"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
			x(g.numbers), chartTop, chartHeight, x(g.numbers), chartTop+chartHeight+18, thousands(g.numbers))
	}
	fmt.Fprintf(svg, `<text x="%.1f" y="%.1f" text-anchor="middle">listed numbers</text>`+"\n", left+chartWidth/2, chartTop+chartHeight+36)
	free := math.Inf(-1) // names stand beside the ends of their curves, and not on one another
	for _, k := range c.fromTheTop(all[len(all)-1]) {
		var points []string
		for _, g := range all {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(g.numbers), y(k.value(g))))
		}
		dash := ""
		if k.dashed {
			dash = ` stroke-dasharray="4 3"`
		}
		end := k.value(all[len(all)-1])
		at := max(y(end)+4, free)
		free = at + 15
		fmt.Fprintf(svg, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/><text x="%.1f" y="%.1f" fill="%s">%s: %.3g</text>`+"\n",
			strings.Join(points, " "), k.color, dash, left+chartWidth+6, at, k.color, k.name, end)
	}
}

// fromTheTop is the curves in the order in which they end, the highest first.
func (c chart) fromTheTop(last growth) []curve {
	curves := slices.Clone(c.curves)
	slices.SortFunc(curves, func(a, b curve) int { return cmp.Compare(b.value(last), a.value(last)) })
	return curves
}

// thousands writes a size in words that fit under an axis.
func thousands(n int) string {
	if n >= 1_000_000 {
		return fmt.Sprintf("%d M", n/1_000_000)
	}
	return fmt.Sprintf("%d k", n/1000)
}
