package backtest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/study"
	"github.com/forewarm/forewarm/policy"
)

// evaluate scores everybody on one history. The maximum of a model that was discovered is a guess and does not
// bind.
func evaluate(ctx context.Context, h *History, s Settings, e config.Entry) (ModelReport, error) {
	found := e.Origin == config.FromDiscovery
	m := ModelReport{
		Namespace: h.Model.ID.Namespace, Name: h.Model.ID.Name, Notes: append([]string{}, e.Assumed...),
		Gaps: Gaps{Longest: []Gap{}},
	}
	if !h.usable() {
		m.Notes = append(m.Notes, "No demand is known in the whole range, so nothing is scored.")
		return m, nil
	}
	b, err := newBench(h, s.BurnIn)
	if err != nil {
		return m, err
	}
	m.describe(b)
	m.Notes = append(m.Notes, b.adopt(s.Theirs, e)...)
	caps, notes := b.capacities()
	m.Capacity = &caps[b.main]
	m.Notes = append(append(m.Notes, notes...), b.notes(m, found)...)
	if !slices.Contains(b.counts, true) {
		m.Notes = append(m.Notes, "No moment has both demand and replicas known, so nothing is scored.")
		return m, nil
	}
	m.Forecasts = h.forecasts(s.BurnIn)
	limit := b.limit(found)
	for i := range len(caps[b.main].points()) {
		if err := ctx.Err(); err != nil {
			return m, fmt.Errorf("backtest %s: %w", h.Model.ID, err)
		}
		if err := m.at(b, s, i, caps, limit); err != nil {
			return m, fmt.Errorf("backtest %s: %w", h.Model.ID, err)
		}
	}
	return m, nil
}

// capacities are those of all variants, with a sentence on each that matters and is not configured.
func (b *bench) capacities() ([]Capacity, []string) {
	caps, notes := make([]Capacity, len(b.h.Model.Variants)), []string(nil)
	for i := range caps {
		c, note := b.h.capacityOf(i)
		if caps[i] = c; note != "" && (i == b.main || b.hoursOf(i) > 0) {
			notes = append(notes, note)
		}
	}
	return caps, notes
}

// fleetRow is the name of the fleet as it was.
const fleetRow = "fleet"

// at runs everybody at one point of the capacity interval.
func (m *ModelReport) at(b *bench, s Settings, point int, caps []Capacity, limit int) error {
	each := make([]float64, len(caps))
	for i, c := range caps {
		each[i] = []float64{c.Middle, c.Low, c.High}[point]
	}
	v := b.h.Model.Variants[b.main]
	course, err := fluid.NewCourse(b.load, b.world(each[b.main], limit))
	if err != nil {
		return err
	}
	hours, known, err := clairvoyant(b.load, course.World(), b.counts)
	if err != nil {
		return err
	}
	if point > 0 {
		s.Points = 0
	}
	timeline := study.Course{Load: b.load.Name, WarmUp: b.warmUp}
	var actual, bound Figures
	if b.fleet {
		if s.Points > 0 {
			timeline.Runs = append(timeline.Runs, b.asItWas(s.Points))
		}
		actual = figures(score(b.load.Step, b.load.Rate, b.counts, b.actual(each)))
		actual.GPUHours, actual.USD = b.bill()
	}
	if known {
		bound.ReplicaHours = &hours
		bound.Misses = b.beyond(each[b.main], course.World().Max)
		bound.GPUHours, bound.USD = priced(v, &hours)
	}
	rows := []PolicyRow{{Name: fleetRow, Doc: "the fleet as it was", Figures: actual}}
	for _, c := range b.contenders(s, caps[b.main].Source == Configured) {
		scaler, err := c.make(course)
		if err != nil {
			return err
		}
		driven, ride := b.ride(course, c.name, scaler, s.Points)
		timeline.Runs = append(timeline.Runs, ride)
		f := figures(score(b.load.Step, b.load.Rate, b.counts, driven))
		f.GPUHours, f.USD = priced(v, f.ReplicaHours)
		rows = append(rows, PolicyRow{Name: c.name, Doc: c.doc, Setting: c.setting, Figures: f})
	}
	rows = append(rows, PolicyRow{Name: "optimum", Doc: "the least bill of whoever knows the future", Figures: bound})
	relate(rows, bound.ReplicaHours)
	m.take(point, rows)
	if s.Points > 0 {
		m.Course = &timeline
	}
	return nil
}

// adopt takes the autoscalers that scale the model's simulated variant, and says what of them is left out.
func (b *bench) adopt(theirs []Autoscaler, e config.Entry) []string {
	var notes []string
	for _, a := range theirs {
		if a.Namespace != b.h.Model.ID.Namespace || b.main >= len(e.Targets) || a.Target != e.Targets[b.main].Name {
			continue
		}
		for _, n := range a.Notes {
			notes = append(notes, fmt.Sprintf("%s %s: %s.", a.Kind, a.Name, n))
		}
		if len(a.Setup.Metrics) > 0 {
			b.theirs = append(b.theirs, a)
		}
	}
	return notes
}

// beyond is the share of requests that came when not even the largest fleet allowed carried the demand.
func (b *bench) beyond(capacity float64, limit int) *float64 {
	late, all := 0.0, 0.0
	for k, ok := range b.counts {
		if !ok {
			continue
		}
		all += b.load.Rate[k]
		if limit > 0 && b.load.Rate[k] > float64(limit)*capacity*(1+1e-9) {
			late += b.load.Rate[k]
		}
	}
	if all == 0 {
		return nil
	}
	share := late / all
	return &share
}

// relate fills in the cost over the optimum.
func relate(rows []PolicyRow, optimum *float64) {
	if optimum == nil || *optimum <= 0 {
		return
	}
	for i := range rows {
		if f := &rows[i].Figures; f.ReplicaHours != nil {
			cost := *f.ReplicaHours / *optimum
			f.Cost = &cost
		}
	}
}

// take books the rows of a point of the capacity interval: 0 middle, 1 low, 2 high.
func (m *ModelReport) take(point int, rows []PolicyRow) {
	if point == 0 {
		m.Policies = rows
		return
	}
	for i := range rows {
		if point == 1 {
			m.Policies[i].Low = &rows[i].Figures
		} else {
			m.Policies[i].High = &rows[i].Figures
		}
	}
}

// figures renders a tally.
func figures(t tally) Figures {
	f := Figures{ReplicaHours: &t.Hours, ColdStarts: &t.ColdStarts, Flaps: &t.Flaps, Peak: &t.Peak}
	if t.Requests > 0 {
		misses, unmet := t.Late/t.Requests, t.Unmet/t.Requests
		f.Misses, f.Unmet = &misses, &unmet
	}
	return f
}

// priced are GPU-hours and dollars of replica-hours of one variant, where the GPUs and the price are known.
func priced(v policy.Variant, hours *float64) (gpuHours, usd *float64) {
	if v.GPUs <= 0 || hours == nil {
		return nil, nil
	}
	g := *hours * float64(v.GPUs)
	if v.PricePerGPU <= 0 {
		return &g, nil
	}
	d := g * float64(v.PricePerGPU)
	return &g, &d
}

// bill is what the fleet cost, variant by variant; one unknown makes the sum unknown.
func (b *bench) bill() (gpuHours, usd *float64) {
	gpuHours, usd = new(float64), new(float64)
	for i, v := range b.h.Model.Variants {
		hours := b.hoursOf(i)
		if hours == 0 {
			continue
		}
		g, d := priced(v, &hours)
		gpuHours, usd = plus(gpuHours, g), plus(usd, d)
	}
	if v := b.h.Model.Variants[b.main]; v.PricePerGPU <= 0 {
		usd = nil
	}
	return gpuHours, usd
}

func plus(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	sum := *a + *b
	return &sum
}

// describe fills in what is known of the model before anything runs.
func (m *ModelReport) describe(b *bench) {
	h, v := b.h, b.h.Model.Variants[b.main]
	m.Variant, m.Begin = v.Name, &h.Begin
	for k, ok := range b.counts {
		if ok {
			m.Scored += b.load.Step.Seconds()
			m.Requests += b.load.Rate[k] * b.load.Step.Seconds()
		}
	}
	warm, _ := h.warmUpOf(b.main)
	m.WarmUp = &warm
	if v.GPUs > 0 {
		m.GPUs = &v.GPUs
	}
	if v.PricePerGPU > 0 {
		price := float64(v.PricePerGPU)
		m.Price = &price
	}
	m.Gaps = h.gaps(b)
}

// gaps lists what is not scored, other than the burn-in.
func (h *History) gaps(b *bench) Gaps {
	known := make([]bool, len(h.Rate))
	for k, r := range h.Rate {
		known[k] = !math.IsNaN(r) && (!b.fleet || h.counted(k))
	}
	holes := stretches(known, false)
	g := Gaps{Count: len(holes), Partial: float64(h.Partial) * h.Step.Seconds(), Longest: []Gap{}}
	slices.SortStableFunc(holes, func(x, y segment) int { return cmp.Compare(y.To-y.From, x.To-x.From) })
	at := func(tick int) time.Time { return h.Begin.Add(time.Duration(tick) * h.Step) }
	for i, s := range holes {
		g.Seconds += float64(s.To-s.From) * h.Step.Seconds()
		if i < shownGaps {
			g.Longest = append(g.Longest, Gap{at(s.From), at(s.To)})
		}
	}
	return g
}

// notes are what a reader must know to believe the figures.
func (b *bench) notes(m ModelReport, found bool) []string {
	var out []string
	say := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	v := b.h.Model.Variants[b.main]
	say(m.WarmUp.Source == Inferred, "The warm-up is not configured: every simulated replica takes %s, the median of "+
		"%d that the history shows.", b.warmUp, m.WarmUp.Seen)
	say(m.WarmUp.Source == Assumed, "The warm-up is not configured and the history shows none: %s is assumed.", b.warmUp)
	say(!b.fleet, "Replicas are not known anywhere in the history, so there is no row of what the fleet did.")
	say(len(b.h.Model.Variants) > 1, "The model has %d variants: the fleet's figures are of all of them, the simulated "+
		"policies have replicas like those of %s only.", len(b.h.Model.Variants), v.Name)
	say(m.Gaps.Count > 0, "%s in %d gaps are scored for nobody, because demand or replicas are not known there.",
		config.Duration(time.Duration(m.Gaps.Seconds)*time.Second), m.Gaps.Count)
	say(found, "The largest count that the fleet may have is not configured: simulated policies may have %d replicas, "+
		"%d times the most that the history shows, at least %d.", b.limit(found), peakFactor, leastLimit)
	say(v.Min == 0, "Simulated policies keep one replica: sleeping at zero is not simulated.")
	return out
}
