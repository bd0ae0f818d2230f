package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/forewarm/forewarm/internal/app"
)

// unknown is a cell whose value nobody knows; it is never printed as 0.
const unknown = "-"

// column is one column of the tables.
type column struct {
	title string
	wide  bool // only in wide tables
	cell  func(m app.ModelReport, v app.VariantReport, at time.Time) string
}

// columns are the columns of table, wide and markdown, in order.
var columns = []column{
	{"NAMESPACE", false, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return m.Namespace }},
	{"MODEL", false, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return m.Name }},
	{"MODEL-ID", true, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return orUnknown(m.ModelName) }},
	{"VARIANT", false, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string { return v.Name }},
	{"NOW", false, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string { return whole(v.Now) }},
	{"REC", false, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string { return recommended(v) }},
	{"READY", true, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string { return whole(v.Ready) }},
	{"STARTING", true, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string { return whole(v.Starting) }},
	{"PENDING", true, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return number(m.Pending) }},
	{"RUNNING", true, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return number(m.Running) }},
	{"KV", true, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return percent(m.KV) }},
	{"TTFT", true, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return span(m.TTFTP95) }},
	{"CAPACITY", true, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string { return capacity(v.Capacity) }},
	{"WORK", false, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return work(m.Work) }},
	{"FORECAST", false, func(m app.ModelReport, _ app.VariantReport, _ time.Time) string { return forecast(m.Forecast) }},
	{"WHY", false, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string { return v.Why }},
	{"GPU-H/DAY", false, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string {
		return change(v.GPUHours, "")
	}},
	{"$/DAY", false, func(_ app.ModelReport, v app.VariantReport, _ time.Time) string { return change(v.USD, "") }},
	{"AGE", true, func(m app.ModelReport, v app.VariantReport, at time.Time) string { return age(m, v, at) }},
}

// recommended is the count, with what qualifies it.
func recommended(v app.VariantReport) string {
	switch {
	case v.State == app.StateRefused:
		return "refused"
	case v.Recommended == nil:
		return "no answer"
	case v.State == app.StateHold:
		return whole(v.Recommended) + " hold"
	case v.State == app.StateStarved:
		return whole(v.Recommended) + " starved"
	}
	return whole(v.Recommended)
}

func work(w app.WorkReport) string {
	if w.Requests == nil {
		return "unknown"
	}
	s := number(w.Requests) + " req/s"
	if w.OutputTokens != nil {
		s += " " + number(w.OutputTokens) + " tok/s"
	}
	return s
}

func forecast(f *app.ForecastReport) string {
	if f == nil {
		return "none"
	}
	return fmt.Sprintf("%s req/s in %s", figure(f.Peak), spanOf(f.Horizon))
}

func capacity(c app.CapacityReport) string {
	for _, d := range []struct {
		v    *float64
		unit string
	}{{c.OutputTokens, "tok/s"}, {c.Requests, "req/s"}, {c.PromptTokens, "prompt tok/s"}} {
		if d.v != nil {
			return fmt.Sprintf("%s %s (%s)", number(d.v), d.unit, c.Source)
		}
	}
	return unknown
}

// age is that of the arrivals; of the last good decision where one is held.
func age(m app.ModelReport, v app.VariantReport, at time.Time) string {
	if v.State == app.StateHold && v.Good != nil {
		return "good " + spanOf(at.Sub(*v.Good).Seconds()) + " ago"
	}
	return span(m.AgeSeconds)
}

// change is "now -> recommended", or one figure where both are the same.
func change(n app.NowAndRec, prefix string) string {
	if n.Now == nil && n.Recommended == nil {
		return unknown
	}
	a, b := number(n.Now), number(n.Recommended)
	if a == b {
		return prefix + a
	}
	return prefix + a + " -> " + prefix + b
}

func whole(v *int) string {
	if v == nil {
		return unknown
	}
	return strconv.Itoa(*v)
}

func number(v *float64) string {
	if v == nil {
		return unknown
	}
	return figure(*v)
}

// absurd is above any figure of a real fleet; digits after it would only fill
// the screen.
const absurd = 1e6

// figure has three significant digits or the whole number, and an exponent only
// for what is absurd.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case a > absurd:
		return fmt.Sprintf("%.4g", v)
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return trim(strconv.FormatFloat(v, 'f', 1, 64))
	}
	return trim(strconv.FormatFloat(v, 'f', 2, 64))
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func trim(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

func percent(v *float64) string {
	if v == nil {
		return unknown
	}
	return figure(100**v) + "%"
}

func span(v *float64) string {
	if v == nil {
		return unknown
	}
	return spanOf(*v)
}

// spanOf prints seconds as people say them: 350ms, 8s, 5m30s, 2h10m.
func spanOf(s float64) string {
	if !(math.Abs(s) < float64(math.MaxInt64/int64(time.Second))) {
		return fmt.Sprintf("%.4gs", s)
	}
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Hour:
		return strings.TrimSuffix(d.Round(time.Second).String(), "m0s") + minuteTail(d.Round(time.Second))
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// minuteTail gives back the unit that was cut from whole minutes.
func minuteTail(d time.Duration) string {
	if d%time.Minute == 0 && d > 0 {
		return "m"
	}
	return ""
}
