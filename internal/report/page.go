package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/forewarm/forewarm/internal/study"
)

//go:embed *.html
var pageFiles embed.FS

var pages = template.Must(template.New("pages").Funcs(template.FuncMap{
	"join": func(v []float64) string {
		var out []string
		for _, x := range v {
			out = append(out, short(x))
		}
		return strings.Join(out, "/")
	},
	"days":    func(seconds float64) string { return short(seconds / 86400) },
	"short":   short,
	"three":   func(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) },
	"percent": func(v float64) string { return strconv.FormatFloat(100*v, 'f', 2, 64) },
	"signed":  func(v float64) string { return fmt.Sprintf("%+.3f", v) },
	"time":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
	"ours":    isOurs,
}).ParseFS(pageFiles, "*.html"))

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// view is what the page shows.
type view struct {
	study.Simulation
	Trades  template.HTML
	Courses []courseView
}

type courseView struct {
	Load   string
	WarmUp time.Duration
	Fleet  float64
	Chart  template.HTML
	Runs   []runView
}

type runView struct {
	Title string
	Chart template.HTML
}

// Write writes the page. The same simulation gives the same bytes.
func Write(w io.Writer, s study.Simulation) error {
	v := view{Simulation: s}
	var err error
	if v.Trades, err = tradesChart(s); err != nil {
		return err
	}
	for _, c := range s.Courses {
		cv, err := courseOf(c, func(r study.Ride) string {
			return fmt.Sprintf("%s: cost %.3f, V1 %.2f %%", r.Policy, r.Cost, 100*r.V1)
		})
		if err != nil {
			return err
		}
		v.Courses = append(v.Courses, cv)
	}
	return pages.ExecuteTemplate(w, "page.html", v)
}

// courseOf draws a course; title says what stands above a policy's chart.
func courseOf(c study.Course, title func(study.Ride) string) (courseView, error) {
	out := courseView{Load: c.Load, WarmUp: c.WarmUp, Fleet: c.Fleet}
	var err error
	if out.Chart, err = loadChart(c); err != nil {
		return out, err
	}
	for i, r := range c.Runs {
		chart, err := fleetChart(c, i)
		if err != nil {
			return out, err
		}
		out.Runs = append(out.Runs, runView{title(r), chart})
	}
	return out, nil
}
