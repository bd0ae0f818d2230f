package report

import (
	"cmp"
	"html/template"
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/forewarm/forewarm/internal/study"
)

// drawn is how many policies the chart of trades shows in colour.
const drawn = 6

// What costs or misses more is out of the picture: nobody would run it.
const (
	dearest = 2.2
	worst   = 0.1
)

// trade is what one policy comes to, point by point.
type trade struct {
	name   string
	points []study.Point
}

// tradesChart draws cost against V1: a line per sweep, a point where nothing was swept.
func tradesChart(s study.Simulation) (template.HTML, error) {
	var all []trade
	for _, p := range leading(s) {
		all = append(all, trade{p.Name, p.Frontier})
	}
	return drawTrades(all, "cost, multiple of the clairvoyant's", "V1, % of requests in ticks short of capacity")
}

// drawTrades draws costs from left to right and misses upwards.
func drawTrades(all []trade, cost, misses string) (template.HTML, error) {
	p := canvas(cost, misses)
	left, top := math.Inf(1), 0.0
	for i, t := range all {
		var xys plotter.XYs
		for _, x := range t.points {
			if finite(x.Cost, x.V1) && x.Cost <= dearest && x.V1 <= worst {
				xys = append(xys, plotter.XY{X: x.Cost, Y: 100 * x.V1})
				left, top = math.Min(left, x.Cost), math.Max(top, 100*x.V1)
			}
		}
		if len(xys) == 0 {
			continue
		}
		if len(xys) > 1 {
			if err := lines(p, "", xys, colors[i%len(colors)], 1.1, false); err != nil {
				return "", err
			}
		}
		dots, err := plotter.NewScatter(xys)
		if err != nil {
			return "", err
		}
		dots.GlyphStyle = draw.GlyphStyle{Color: colors[i%len(colors)], Radius: 3.4 * vg.Length(1), Shape: marks[i%len(marks)]}
		p.Add(dots)
		p.Legend.Add(t.name, dots)
	}
	if top == 0 && math.IsInf(left, 1) {
		return "", nil
	}
	p.Legend.XOffs = chartWidth - legendWidth
	p.X.Min, p.Y.Min, p.Y.Max = math.Min(left, 1), 0, math.Max(top, 0.1)*1.4 // the legend has its own room
	p.X.Max = math.Max(p.X.Max, p.X.Min+0.1) + 0.02
	return svg(p, tradesHeight, "cost against violations")
}

var marks = []draw.GlyphDrawer{
	draw.CircleGlyph{},
	draw.SquareGlyph{},
	draw.TriangleGlyph{},
	draw.PyramidGlyph{},
	draw.RingGlyph{},
	draw.CrossGlyph{},
	draw.BoxGlyph{},
}

// leading are the policies that the chart shows: Forewarm and those with the least J.
func leading(s study.Simulation) []study.Policy {
	if len(s.Policies) == 0 {
		return nil
	}
	rest := slices.Clone(s.Policies[1:])
	slices.SortStableFunc(rest, func(a, b study.Policy) int { return cmp.Compare(a.Classes[0].J, b.Classes[0].J) })
	return append(s.Policies[:1:1], rest[:min(drawn, len(rest))]...)
}
