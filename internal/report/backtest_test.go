package report

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/backtest"
	"github.com/forewarm/forewarm/internal/study"
)

func some[T any](v T) *T { return &v }

// past is a day of one model with an hour that nobody knows, and a model without history; every name in it is name.
func past(name string) backtest.Report {
	day := time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	figures := func(cost, misses float64) backtest.Figures {
		return backtest.Figures{ReplicaHours: some(50 * cost), Misses: some(misses), ColdStarts: some(3), Cost: some(cost)}
	}
	low, high := figures(1.1, 0.08), figures(2, 0)
	c := study.Course{Load: name, WarmUp: 2 * time.Minute}
	for i, policy := range []string{name, "forewarm"} {
		r := study.Ride{Policy: policy}
		for k := range 288 {
			x := float64(k) / 288
			m := study.Moment{Day: x, Load: 5 - 4*math.Cos(2*math.Pi*x), Wanted: 5 - math.Round(4*math.Cos(2*math.Pi*x)), Ready: 5}
			if k >= 96 && k < 108 {
				m.Load, m.Wanted, m.Ready = math.NaN(), math.NaN(), math.NaN()
			}
			r.Points = append(r.Points, m)
			if i == 1 {
				r.Band = append(r.Band, study.Band{Day: x, Median: 5 - 4*math.Cos(2*math.Pi*(x+0.01)), High: 7 - 4*math.Cos(2*math.Pi*x)})
			}
		}
		c.Runs = append(c.Runs, r)
	}
	return backtest.Report{
		Kind: backtest.ReportKind, From: day, To: day.Add(24 * time.Hour), ReadFrom: day, Step: 15, Notes: []string{name},
		Models: []backtest.ModelReport{
			{
				Namespace: name, Name: name, Scored: 82800, Requests: 5e5, Notes: []string{name}, Course: &c,
				Capacity: &backtest.Capacity{Source: backtest.Inferred, Low: 1, Middle: 2, High: 4},
				WarmUp:   &backtest.WarmUp{Source: backtest.Assumed, Seconds: 120},
				Policies: []backtest.PolicyRow{
					{Name: name, Doc: name, Setting: name, Figures: figures(1.5, 0.02), Low: &low, High: &high},
					{Name: "forewarm", Figures: figures(1.2, 0.01)},
					{Name: "optimum", Figures: backtest.Figures{ReplicaHours: some(50.0)}},
				},
			},
			{Namespace: name, Name: name},
		},
	}
}

func pageOf(t *testing.T, r backtest.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteBacktest(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBacktestPage(t *testing.T) {
	got := pageOf(t, past("chat"))
	for what, want := range map[string]int{
		"<svg": 4, "</svg>": 4, "</html>\n": 1, // trades, load, two fleets
		"75.0 (55.0..100.0)":                1, // replica-hours at the ends of the interval
		"2.00 (8.00..0.00)":                 1, // misses
		"<td>–</td>":                        3*9 - 4 - 4 - 1,
		"No usable history":                 1,
		"2026-09-07 00:00 UTC":              2,
		"expected peak of the coming 120 s": 1,
		"NaN":                               0,
	} {
		if n := strings.Count(got, what); n != want {
			t.Errorf("want %q %d times, got it %d times", what, want, n)
		}
	}
	if again := pageOf(t, past("chat")); again != got {
		t.Error("want equal pages of equal reports")
	}
}

func TestBacktestPageTrustsNoName(t *testing.T) {
	got := pageOf(t, past(hostile))
	for _, bad := range []string{"<script", "<img", "</title></svg>", `"'&`, "href=", "url(", "@import", "<link"} {
		if strings.Contains(got, bad) {
			t.Errorf("want no %q in the page", bad)
		}
	}
	if n := strings.Count(got, "&lt;script&gt;"); n < 8 {
		t.Errorf("want the name shown as text everywhere, got it %d times", n)
	}
}

// What nobody knows is a gap in the line, not a bridge over it.
func TestLinesBreakWhereNothingIsKnown(t *testing.T) {
	r := past("chat").Models[0].Course.Runs[0]
	parts := unbroken(stepped(series(r, loadOf)))
	if len(parts) != 2 || parts[0][len(parts[0])-1].X != 96.0/288 || parts[1][0].X != 108.0/288 {
		t.Errorf("want two parts, up to 8:00 and from 9:00 on; got %d", len(parts))
	}
}
