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
	caps, notes := b.capacities()
	b.parts = b.partners(caps)
	m.Notes = append(m.Notes, b.adopt(s.Theirs, e)...)
	m.Capacity = &caps[b.main]
	m.Notes = append(append(m.Notes, notes...), b.notes(m, found)...)
	if !slices.Contains(b.counts, true) {
		m.Notes = append(m.Notes, "No moment has both demand and replicas known, so nothing is scored.")
		return m, nil
	}
	m.Forecasts = h.forecasts(s.BurnIn)
	for i := range len(caps[b.main].points()) {
		if err := ctx.Err(); err != nil {
			return m, fmt.Errorf("backtest %s: %w", h.Model.ID, err)
		}
		if err := m.at(b, s, i, caps, found); err != nil {
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
func (m *ModelReport) at(b *bench, s Settings, point int, caps []Capacity, found bool) error {
	each := make([]float64, len(caps))
	for i, c := range caps {
		each[i] = []float64{c.Middle, c.Low, c.High}[point]
	}
	alone, together, err := b.courses(each, found)
	if err != nil {
		return err
	}
	if point > 0 {
		s.Points = 0
	}
	timeline := study.Course{Load: b.load.Name, WarmUp: b.warmUp}
	var actual Figures
	if b.fleet {
		if s.Points > 0 {
			timeline.Runs = append(timeline.Runs, b.asItWas(s.Points))
		}
		actual = figures(score(b.load.Step, b.load.Rate, b.counts, b.actual(each)))
		actual.GPUHours, actual.USD = b.bill(b.hoursOf)
	}
	rows := []PolicyRow{{Name: fleetRow, Doc: "the fleet as it was", Figures: actual}}
	for _, c := range b.contenders(s, b.all(func(i int) bool { return caps[i].Source == Configured })) {
		in := alone
		if c.mixed {
			in = together
		}
		scaler, err := c.make(in)
		if err != nil {
			return err
		}
		driven, ride := b.ride(in, c.name, scaler, s.Points)
		timeline.Runs = append(timeline.Runs, ride)
		f := figures(score(b.load.Step, b.load.Rate, b.counts, driven))
		f.GPUHours, f.USD = b.bill(driven.hours(b))
		rows = append(rows, PolicyRow{Name: c.name, Doc: c.doc, Setting: c.setting, Figures: f})
	}
	bound, err := b.bound(alone)
	if err != nil {
		return err
	}
	rows = append(rows, PolicyRow{Name: "optimum", Doc: "the least bill of whoever knows the future", Figures: bound})
	b.relate(rows, bound)
	m.take(point, rows)
	if s.Points > 0 {
		m.Course = &timeline
	}
	return nil
}

// courses are the worlds of one capacity per variant: of the main variant alone, and of all that take part.
func (b *bench) courses(capacity []float64, found bool) (alone, together *fluid.Course, err error) {
	world := b.world(capacity[b.main], b.limitOf(b.main, found))
	if alone, err = fluid.NewCourse(b.load, world); err != nil || !b.mixed() {
		return alone, alone, err
	}
	world.Pools = b.pools(capacity, found)
	together, err = fluid.NewCourse(b.load, world)
	return alone, together, err
}

// bound is the clairvoyant's bill, as far as it is known.
func (b *bench) bound(c *fluid.Course) (f Figures, err error) {
	hours, known, err := clairvoyant(b.load, c.World(), b.counts)
	if err != nil || !known {
		return f, err
	}
	f.ReplicaHours, f.Misses = &hours, b.beyond(c.World().Replica.Rate, c.World().Max)
	f.GPUHours, f.USD = priced(b.h.Model.Variants[b.main], &hours)
	return f, nil
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

// relate fills in the cost over the optimum: of replicas, or of money where replicas of several variants differ.
func (b *bench) relate(rows []PolicyRow, optimum Figures) {
	of := func(f Figures) *float64 { return f.ReplicaHours }
	if len(b.h.Model.Variants) > 1 {
		of = func(f Figures) *float64 { return f.USD }
	}
	least := of(optimum)
	if least == nil || *least <= 0 {
		return
	}
	for i := range rows {
		if paid := of(rows[i].Figures); paid != nil {
			cost := *paid / *least
			rows[i].Figures.Cost = &cost
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

// bill is what replica-hours of the variants cost; one unknown makes the sum unknown.
func (b *bench) bill(hoursOf func(variant int) float64) (gpuHours, usd *float64) {
	gpuHours, usd = new(float64), new(float64)
	for i, v := range b.h.Model.Variants {
		hours := hoursOf(i)
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
	out = append(out, b.mixNotes()...)
	say(m.Gaps.Count > 0, "%s in %d gaps are scored for nobody, because demand or replicas are not known there.",
		config.Duration(time.Duration(m.Gaps.Seconds)*time.Second), m.Gaps.Count)
	say(found, "The largest count that the fleet may have is not configured: simulated policies may have %d replicas, "+
		"%d times the most that the history shows, at least %d.", b.limitOf(b.main, found), peakFactor, leastLimit)
	say(v.Min == 0, "Simulated policies keep one replica: sleeping at zero is not simulated.")
	return out
}
