package report

import (
	"fmt"
	"html/template"
	"io"
	"strconv"

	"github.com/forewarm/forewarm/internal/backtest"
	"github.com/forewarm/forewarm/internal/study"
)

// history is what the page of a backtest shows.
type history struct {
	backtest.Report
	Models []historyModel
}

type historyModel struct {
	backtest.ModelReport
	Columns []string
	Rows    []historyRow
	Trades  template.HTML
	Course  *courseView
}

type historyRow struct {
	backtest.PolicyRow
	Cells []string
}

// WriteBacktest writes a backtest as a page. The same report gives the same bytes.
func WriteBacktest(w io.Writer, r backtest.Report) error {
	v := history{Report: r}
	for _, m := range r.Models {
		one := historyModel{ModelReport: m}
		var points []trade
		for _, c := range historyColumns {
			one.Columns = append(one.Columns, c.title)
		}
		for _, p := range m.Policies {
			one.Rows = append(one.Rows, rowOf(p))
			points = append(points, tradeOf(p))
		}
		var err error
		if one.Trades, err = drawTrades(points, "replica-hours, multiple of the optimum", "misses, % of requests"); err != nil {
			return err
		}
		if m.Course != nil {
			c, err := courseOf(*m.Course, func(r study.Ride) string { return r.Policy })
			if err != nil {
				return err
			}
			one.Course = &c
		}
		v.Models = append(v.Models, one)
	}
	return pages.ExecuteTemplate(w, "backtest.html", v)
}

// historyColumns are the figures of the table, as text; nothing known is a dash.
var historyColumns = []struct {
	title string
	cell  func(backtest.Figures) string
}{
	{"replica-h", func(f backtest.Figures) string { return decimal(f.ReplicaHours, 1, 1) }},
	{"GPU-h", func(f backtest.Figures) string { return decimal(f.GPUHours, 1, 1) }},
	{"$", func(f backtest.Figures) string { return decimal(f.USD, 1, 0) }},
	{"/optimum", func(f backtest.Figures) string { return decimal(f.Cost, 1, 3) }},
	{"misses %", func(f backtest.Figures) string { return decimal(f.Misses, 100, 2) }},
	{"unmet %", func(f backtest.Figures) string { return decimal(f.Unmet, 100, 2) }},
	{"cold starts", func(f backtest.Figures) string { return number(f.ColdStarts) }},
	{"flaps", func(f backtest.Figures) string { return number(f.Flaps) }},
	{"peak", func(f backtest.Figures) string { return number(f.Peak) }},
}

const unknown = "–"

func decimal(v *float64, times float64, digits int) string {
	if v == nil {
		return unknown
	}
	return strconv.FormatFloat(times**v, 'f', digits, 64)
}

func number(v *int) string {
	if v == nil {
		return unknown
	}
	return strconv.Itoa(*v)
}

// rowOf has each figure with what it is at the ends of the capacity interval, where that makes a difference.
func rowOf(p backtest.PolicyRow) historyRow {
	out := historyRow{PolicyRow: p}
	for _, c := range historyColumns {
		text := c.cell(p.Figures)
		if p.Low != nil && p.High != nil {
			if low, high := c.cell(*p.Low), c.cell(*p.High); low != text || high != text {
				text = fmt.Sprintf("%s (%s..%s)", text, low, high)
			}
		}
		out.Cells = append(out.Cells, text)
	}
	return out
}

// tradeOf are the costs and misses of a policy from the low to the high end of capacity.
func tradeOf(p backtest.PolicyRow) trade {
	out := trade{name: p.Name}
	for _, f := range []*backtest.Figures{p.Low, &p.Figures, p.High} {
		if f != nil && f.Cost != nil && f.Misses != nil {
			out.points = append(out.points, study.Point{Cost: *f.Cost, V1: *f.Misses})
		}
	}
	return out
}
