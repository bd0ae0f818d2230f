package demo

import (
	"fmt"
	"io"
	"strings"
)

// What a terminal is told.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearAll   = "\x1b[2J\x1b[H"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
)

// labelWidth is the width of what stands left of the bars.
const labelWidth = 12

// screen redraws one picture in place.
type screen struct {
	out           io.Writer
	size          func() (width, height int)
	paint         paint
	drawn         int // lines of the last picture
	width, height int
	rate          frameRate
}

func (s *screen) write(text string) { _, _ = io.WriteString(s.out, text) }

func (s *screen) open(seed uint64, speed float64) {
	s.width, s.height = s.size()
	s.write(hideCursor)
	for _, l := range banner(seed, speed) {
		s.write(s.paint.render([]segment{{none, l}}, s.width) + "\n")
	}
	s.write("\n")
}

func (s *screen) say(...string) {} // every picture says it

func (s *screen) change(news) {} // the next picture shows it

func (s *screen) wants() bool { return s.rate.due() }

func (s *screen) close() { s.write(showCursor) }

// picture draws a frame over the last one.
func (s *screen) picture(f frame) {
	width, height := s.size()
	var b strings.Builder
	switch {
	case width != s.width || height != s.height: // what was drawn may have been wrapped
		b.WriteString(clearAll)
	case s.drawn > 0:
		fmt.Fprintf(&b, "\x1b[%dA\r", s.drawn)
	}
	s.width, s.height = width, height
	lines := s.lines(f)
	if len(lines) > height-1 {
		lines = lines[:max(height-1, 0)]
	}
	for _, l := range lines {
		b.WriteString(s.paint.render(l, width-1) + clearLine + "\n")
	}
	b.WriteString(clearBelow)
	s.drawn = len(lines)
	s.write(b.String())
}

// tall is the height from which bars are two lines high.
const tall = 24

// lines compose the picture.
func (s *screen) lines(f frame) [][]segment {
	out := [][]segment{s.title(f), nil}
	out = append(out, s.charts(f)...)
	out = append(out, nil)
	out = append(out, table(f)...)
	out = append(out, nil)
	return append(out, s.mind(f)...)
}

func (s *screen) title(f frame) []segment {
	what := segment{cyan, "  " + f.stage}
	if f.live {
		what = segment{dim, fmt.Sprintf("  virtual time, %s   seed %d   Ctrl-C ends", pace(f.speed), f.seed)}
	}
	return []segment{{bold, f.at.Format("Monday 15:04:05")}, what}
}

// charts are load and ready replicas over the last day.
func (s *screen) charts(f frame) [][]segment {
	height := 1
	if s.height >= tall {
		height = 2
	}
	n := min(max(s.width-labelWidth-8, 10), 96)
	load := columns(f.loads, f.at, trailSpan, n, loadOf)
	a := columns(f.forewarm.trail, f.at, trailSpan, n, readyOf)
	b := columns(f.hpa.trail, f.at, trailSpan, n, readyOf)
	top := highest(a, b)
	out := chart("requests/s", cyan, load, highest(load), height, "%.1f")
	if f.known {
		ahead := fmt.Sprintf("forecast: under %.1f for the next %s, in 95 %% of cases", f.ahead, period(f.lead))
		out = append(out, []segment{{none, pad("")}, {dim, fmt.Sprintf("now %.1f; %s", f.load, ahead)}})
	} else {
		out = append(out, []segment{{none, pad("")}, {dim, fmt.Sprintf("now %.1f", f.load)}})
	}
	out = append(out, chart("Forewarm", green, a, top, height, "%.0f")...)
	out = append(out, chart("plain HPA", yellow, b, top, height, "%.0f")...)
	axis := "ready replicas over the last 24 h"
	if f.live && f.at.Sub(f.startedAt) < trailSpan {
		axis = "ready replicas, 24 h; plain HPA in both until " + f.startedAt.Format("Mon 15:04")
	}
	return append(out, []segment{{none, pad("")}, {dim, fmt.Sprintf("%s%*s", axis, max(n-len(axis), 5), "now")}})
}

func pad(label string) string { return fmt.Sprintf("%-*s", labelWidth, label) }

// chart is one row of bars with its label and its highest value.
func chart(label string, colour style, values []float64, top float64, height int, format string) [][]segment {
	var out [][]segment
	for i, line := range bars(values, top, height) {
		name, most := "", ""
		if i == height-1 {
			name = label
		}
		if i == 0 {
			most = " " + fmt.Sprintf(format, top)
		}
		out = append(out, []segment{{bold, pad(name)}, {colour, line}, {dim, most}})
	}
	return out
}

// table compares the two worlds now.
func table(f frame) [][]segment {
	a, b := f.forewarm, f.hpa
	line := func(label, x, y, note string) []segment {
		return []segment{
			{none, fmt.Sprintf("%-29s", label)},
			{none, fmt.Sprintf("%12s", x)},
			{none, fmt.Sprintf("%14s", y)},
			{dim, "   " + note},
		}
	}
	fleet := func(c column) string { return fmt.Sprintf("%d + %d", c.ready, c.warming) }
	since := "since " + f.startedAt.Format("Mon 15:04")
	if !f.live {
		since = "both under the plain HPA so far"
	}
	out := [][]segment{
		{
			{none, fmt.Sprintf("%-29s", "")},
			{green, fmt.Sprintf("%12s", "Forewarm")},
			{yellow, fmt.Sprintf("%14s", "plain HPA")},
		},
		line("replicas wanted", fmt.Sprint(a.wanted), fmt.Sprint(b.wanted), ""),
		line("replicas ready + warming up", fleet(a), fleet(b), ""),
		line("requests waiting", fmt.Sprint(a.waiting), fmt.Sprint(b.waiting), ""),
		line("first token, p95", seconds(a.p95, a.p95Known), seconds(b.p95, b.p95Known), "last 5 min"),
		line("first token within "+f.promise.String(), share(a.inTime, a.inTimeKnown), share(b.inTime, b.inTimeKnown), since),
		line("GPU-hours", fmt.Sprintf("%.1f", a.gpuHours), fmt.Sprintf("%.1f", b.gpuHours), since),
		line("cost", usd(a.usd), usd(b.usd), ""),
	}
	late(out[4], 1, a.p95Known && a.p95 > f.promise.Seconds())
	late(out[4], 2, b.p95Known && b.p95 > f.promise.Seconds())
	return out
}

// late marks a cell of a line that breaks the promise.
func late(line []segment, cell int, broken bool) {
	if broken {
		line[cell].style = red
	}
}

// mind is Forewarm's newest changes of mind, and what it knows.
func (s *screen) mind(f frame) [][]segment {
	if !f.live {
		return nil
	}
	if len(f.news) == 0 {
		return [][]segment{{{dim, "Forewarm has not changed its mind yet."}}}
	}
	n := f.news[len(f.news)-1]
	out := [][]segment{{
		{bold, "Why: "},
		{none, fmt.Sprintf("at %s Forewarm went from %d to %s.", n.at.Format("15:04:05"), n.from, count(n.to, "replica"))},
	}}
	for _, l := range wrap(n.why, s.width-6) {
		out = append(out, []segment{{none, "     " + l}})
	}
	for _, note := range f.knows {
		for _, l := range wrap(note, s.width-6) {
			out = append(out, []segment{{dim, "     " + l}})
		}
	}
	return out
}

// wrap breaks a sentence into lines.
func wrap(text string, width int) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			out, line = append(out, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(out, line)
}
