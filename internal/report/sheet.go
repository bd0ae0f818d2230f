package report

import (
	"fmt"
	"html/template"
	"image/color"
	"io"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sheet is a page of one table, with bars: what a yardstick with rules of its own prints.
type Sheet struct {
	Title, About string
	Columns      []string
	Rows         [][]string // as many cells as columns
	Bars         []Bars
}

// Bars are one figure of several policies.
type Bars struct {
	Title  string
	Unit   string
	Names  []string
	Values []float64
}

type barsView struct {
	Title string
	Chart template.HTML
}

// WriteSheet writes the page. The same sheet gives the same bytes.
func WriteSheet(w io.Writer, s Sheet) error {
	var charts []barsView
	for _, b := range s.Bars {
		chart, err := b.draw()
		if err != nil {
			return err
		}
		charts = append(charts, barsView{b.Title, chart})
	}
	return pages.ExecuteTemplate(w, "sheet.html", struct {
		Sheet
		Charts []barsView
	}{s, charts})
}

const (
	barHeight  = 17 * vg.Length(1) // of a row
	barWidth   = 10 * vg.Length(1)
	barsMargin = 46 * vg.Length(1) // of the axis below
)

// draw draws a bar per policy, the first one on top, those of ours in colour.
func (b Bars) draw() (template.HTML, error) {
	n := len(b.Names)
	if n == 0 || n != len(b.Values) || !finite(b.Values...) {
		return "", fmt.Errorf("draw %s: want a finite value for each of %d names, got %v", b.Title, n, b.Values)
	}
	theirs, ours := make(plotter.Values, n), make(plotter.Values, n)
	names, labels := make([]string, n), plotter.XYLabels{}
	for i, name := range b.Names {
		at := n - 1 - i
		names[at] = name + strings.Repeat(" ", 3+len(name)/3) // room for a viewer's wider font
		if isOurs(name) {
			ours[at] = b.Values[i]
		} else {
			theirs[at] = b.Values[i]
		}
		labels.XYs = append(labels.XYs, plotter.XY{X: b.Values[i], Y: float64(at)})
		labels.Labels = append(labels.Labels, short(b.Values[i]))
	}
	p := canvas(b.Unit, "")
	for _, part := range []struct {
		values plotter.Values
		color  color.Color
	}{{theirs, shade}, {ours, colors[0]}} {
		bars, err := plotter.NewBarChart(part.values, barWidth)
		if err != nil {
			return "", fmt.Errorf("draw %s: %w", b.Title, err)
		}
		bars.Horizontal, bars.Color, bars.LineStyle.Width = true, part.color, 0
		p.Add(bars)
	}
	if err := label(p, labels); err != nil {
		return "", fmt.Errorf("draw %s: %w", b.Title, err)
	}
	p.NominalY(names...)
	p.X.Min, p.X.Max = 0, max(p.X.Max, 1e-9)*1.1 // the figures have their own room
	return svg(p, vg.Length(n)*barHeight+barsMargin, b.Title)
}

// label writes figures beside the ends of bars.
func label(p *plot.Plot, at plotter.XYLabels) error {
	l, err := plotter.NewLabels(at)
	if err != nil {
		return err
	}
	for i := range l.TextStyle {
		l.TextStyle[i].Font, l.TextStyle[i].Color = font.From(face, 9), ink
		l.TextStyle[i].YAlign = draw.YCenter
	}
	l.Offset.X = 4
	p.Add(l)
	return nil
}

func isOurs(name string) bool { return strings.HasPrefix(name, "forewarm") }
