package report

import (
	"fmt"
	"html/template"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/forewarm/forewarm/internal/study"
)

const (
	chartWidth   = 760 * vg.Length(1)
	loadHeight   = 190 * vg.Length(1)
	fleetHeight  = 130 * vg.Length(1)
	tradesHeight = 360 * vg.Length(1)
	legendWidth  = 170 * vg.Length(1)
)

// loadChart draws the load of a course with what the first policy that forecasts expected.
func loadChart(c study.Course) (template.HTML, error) {
	if len(c.Runs) == 0 || len(c.Runs[0].Points) == 0 {
		return "", nil
	}
	p := canvas("days since the start of the load", "requests/s")
	for _, r := range c.Runs {
		if len(r.Band) == 0 {
			continue
		}
		var low, high plotter.XYs
		for _, b := range r.Band {
			if finite(b.Median, b.High) {
				low, high = append(low, plotter.XY{X: b.Day, Y: b.Median}), append(high, plotter.XY{X: b.Day, Y: b.High})
			}
		}
		if len(low) > 1 {
			name := "expected peak of the coming " + short(c.WarmUp.Seconds()) + " s, 50 to 95 %"
			if err := area(p, name, stepped(low), stepped(high), band); err != nil {
				return "", err
			}
		}
		break
	}
	if err := lines(p, "load", series(c.Runs[0], loadOf), ink, 0.9, true); err != nil {
		return "", err
	}
	atZero(p)
	return svg(p, loadHeight, "load of "+c.Load)
}

// fleetChart draws what one policy wanted and had.
func fleetChart(c study.Course, i int) (template.HTML, error) {
	r := c.Runs[i]
	if len(r.Points) == 0 {
		return "", nil
	}
	p := canvas("", "replicas")
	if err := mountain(p, "ready", series(r, readyOf), shade); err != nil {
		return "", err
	}
	if err := lines(p, "wanted", series(r, wantedOf), colors[i%len(colors)], 1.1, true); err != nil {
		return "", err
	}
	atZero(p)
	return svg(p, fleetHeight, fmt.Sprintf("replicas of %s on %s", r.Policy, c.Load))
}

func loadOf(m study.Moment) float64   { return m.Load }
func wantedOf(m study.Moment) float64 { return m.Wanted }
func readyOf(m study.Moment) float64  { return m.Ready }

func series(r study.Ride, of func(study.Moment) float64) plotter.XYs {
	var out plotter.XYs
	for _, m := range r.Points {
		out = append(out, plotter.XY{X: m.Day, Y: of(m)})
	}
	return out
}

// atZero starts the upright axis at zero and leaves room for the legend.
func atZero(p *plot.Plot) {
	p.Y.Min, p.Y.Max = 0, max(p.Y.Max, 1)*1.3
}
