package demo

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// blocks are the eighths of a bar.
var blocks = []rune(" ▁▂▃▄▅▆▇█")

// bars draws values as columns of the given height, top line first. What is
// above zero is never invisible.
func bars(values []float64, top float64, height int) []string {
	lines := make([]string, height)
	for row := range lines {
		var b strings.Builder
		floor := float64(8 * (height - 1 - row))
		for _, v := range values {
			eighths := 0.0
			if v > 0 {
				eighths = max(1, math.Round(v/max(top, v)*float64(8*height)))
			}
			b.WriteRune(blocks[int(min(8, max(0, eighths-floor)))])
		}
		lines[row] = b.String()
	}
	return lines
}

// columns averages the trail of a span into n columns on a clock that does not
// move, so that a column once drawn stays as it is. The newest one may be part.
func columns(trail []point, at time.Time, span time.Duration, n int, value func(point) float64) []float64 {
	width := (span/time.Duration(n) + scrapeEvery - 1).Truncate(scrapeEvery)
	out, counts := make([]float64, n), make([]float64, n)
	newest := at.UnixNano() / int64(width)
	for i, p := range trail {
		t := at.Add(-time.Duration(len(trail)-1-i) * scrapeEvery)
		if k := int64(n-1) - (newest - t.UnixNano()/int64(width)); k >= 0 {
			out[k] += value(p)
			counts[k]++
		}
	}
	for k := range out {
		out[k] /= math.Max(counts[k], 1)
	}
	return out
}

func loadOf(p point) float64  { return p.load }
func readyOf(p point) float64 { return float64(p.ready) }

func highest(lists ...[]float64) float64 {
	top := 0.0
	for _, l := range lists {
		for _, v := range l {
			top = math.Max(top, v)
		}
	}
	return top
}

// seconds shows a latency, "-" where nothing was measured.
func seconds(v float64, known bool) string {
	switch {
	case !known:
		return "-"
	case v >= 100:
		return fmt.Sprintf("%.0f s", v)
	case v >= 10:
		return fmt.Sprintf("%.1f s", v)
	}
	return fmt.Sprintf("%.2f s", v)
}

// share shows a part of one as a percentage that never rounds up to all.
func share(v float64, known bool) string {
	if !known {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", math.Floor(v*10_000)/100)
}

func usd(v float64) string { return "$" + grouped(v, 2) }

// grouped shows a number with a comma between thousands.
func grouped(v float64, decimals int) string {
	s := fmt.Sprintf("%.*f", decimals, v)
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if decimals == 0 {
		return whole
	}
	return whole + "." + rest
}

// period shows a span without empty units.
func period(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// count shows how many there are of something.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
