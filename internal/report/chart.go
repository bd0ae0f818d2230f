package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The ink of the charts. The series colours are those of Okabe and Ito, which colour-blind readers can tell apart.
var (
	ink    = color.NRGBA{R: 0x33, G: 0x3a, B: 0x44, A: 0xff}
	faint  = color.NRGBA{R: 0xdd, G: 0xe1, B: 0xe6, A: 0xff}
	shade  = color.NRGBA{R: 0xc9, G: 0xd1, B: 0xda, A: 0xff}
	band   = color.NRGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0x80}
	colors = []color.Color{
		color.NRGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff},
		color.NRGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff},
		color.NRGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff},
		color.NRGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
		color.NRGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff},
		color.NRGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff},
		color.NRGBA{R: 0x33, G: 0x3a, B: 0x44, A: 0xff},
	}
)

// face is the font that the layout is computed with; the page's style sheet says what is shown.
var face = font.Font{Typeface: "Liberation", Variant: "Sans"}

// canvas is an empty chart with the house's axes.
func canvas(x, y string) *plot.Plot {
	p := plot.New()
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font = font.From(face, 10), font.From(face, 9)
		a.Label.TextStyle.Color, a.Tick.Label.Color = ink, ink
		a.Color, a.Tick.Color = shade, shade
		a.Padding = 0
		a.Tick.Marker = ticks{}
	}
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.Legend.TextStyle.Font, p.Legend.TextStyle.Color = font.From(face, 9), ink
	// Thumbnails stand left of their text, so that a viewer's wider font does not run into them.
	p.Legend.Top, p.Legend.Left, p.Legend.Padding, p.Legend.ThumbnailWidth = true, true, 2, 14
	p.Legend.XOffs = 6
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = faint
	p.Add(grid)
	return p
}

// ticks are those of the library with labels that do not grow with the precision of floats.
type ticks struct{}

// Ticks implements plot.Ticker.
func (ticks) Ticks(low, high float64) []plot.Tick {
	out := plot.DefaultTicks{}.Ticks(low, high)
	for i := range out {
		if out[i].Label != "" {
			out[i].Label = strconv.FormatFloat(out[i].Value, 'g', 6, 64)
		}
	}
	return out
}

// lines adds a line with a gap where a value is not finite; steps hold each value until the next.
func lines(p *plot.Plot, name string, xys plotter.XYs, c color.Color, width vg.Length, steps bool) error {
	if steps {
		xys = stepped(xys)
	}
	for _, part := range unbroken(xys) {
		l, err := plotter.NewLine(part)
		if err != nil {
			return fmt.Errorf("draw %s: %w", name, err)
		}
		l.Color, l.Width = c, width
		p.Add(l)
		if name != "" {
			p.Legend.Add(name, l)
			name = ""
		}
	}
	return nil
}

// unbroken are the stretches of points that can be drawn.
func unbroken(in plotter.XYs) []plotter.XYs {
	var out []plotter.XYs
	broken := true
	for _, v := range in {
		if !finite(v.X, v.Y) {
			broken = true
			continue
		}
		if broken {
			out = append(out, nil)
		}
		out[len(out)-1], broken = append(out[len(out)-1], v), false
	}
	return out
}

// area adds a filled area between a lower and an upper edge.
func area(p *plot.Plot, name string, low, high plotter.XYs, c color.Color) error {
	ring := append(plotter.XYs(nil), high...)
	for i := len(low) - 1; i >= 0; i-- {
		ring = append(ring, low[i])
	}
	a, err := plotter.NewPolygon(ring)
	if err != nil {
		return fmt.Errorf("draw %s: %w", name, err)
	}
	a.Color, a.Width = c, 0
	p.Add(a)
	if name != "" {
		p.Legend.Add(name, a)
	}
	return nil
}

// stepped are the corners of a line that holds each value until the next.
func stepped(in plotter.XYs) plotter.XYs {
	var out plotter.XYs
	for i, v := range in {
		if i > 0 {
			out = append(out, plotter.XY{X: v.X, Y: in[i-1].Y})
		}
		out = append(out, v)
	}
	return out
}

// mountain fills what is below a line that holds each value until the next.
func mountain(p *plot.Plot, name string, xys plotter.XYs, c color.Color) error {
	for _, part := range unbroken(stepped(xys)) {
		ground := append(plotter.XYs(nil), part...)
		for i := range ground {
			ground[i].Y = 0
		}
		if err := area(p, name, ground, part, c); err != nil {
			return err
		}
		name = ""
	}
	return nil
}

var (
	prolog = regexp.MustCompile(`(?s)^.*?<svg\b`)
	spaces = regexp.MustCompile(`\s+xmlns(:[a-z]+)?="[^"]*"`)
	sizes  = regexp.MustCompile(`^<svg width="[^"]*" height="[^"]*"`)
	notes  = regexp.MustCompile(`(?s)<!--.*?-->`)
)

// svg renders a chart for a page: no prolog, no name spaces (HTML knows them), as wide as its place.
func svg(p *plot.Plot, height vg.Length, label string) (template.HTML, error) {
	c := vgsvg.New(chartWidth, height)
	p.Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", fmt.Errorf("draw %s: %w", label, err)
	}
	text := notes.ReplaceAllString(prolog.ReplaceAllString(b.String(), "<svg"), "")
	open, rest, _ := strings.Cut(text, ">")
	open = sizes.ReplaceAllString(spaces.ReplaceAllString(open, ""), "<svg")
	open += fmt.Sprintf(` role="img" aria-label="%s"`, template.HTMLEscapeString(label))
	// Every text in it was escaped, by vgsvg or just above.
	return template.HTML(open + ">" + rest), nil
}

// finite says whether a point can be drawn.
func finite(v ...float64) bool {
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
