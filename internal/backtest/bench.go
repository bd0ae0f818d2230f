package backtest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/rival"
)

// mostStretches is how many scored stretches the clairvoyant's bill is put together from.
const mostStretches = 200

// bench is one model's history, ready for every policy: all are scored on the ticks in counts.
type bench struct {
	h      *History
	main   int // variant that is simulated where only one can be
	load   fluid.Load
	counts []bool // per tick of load
	fleet  bool   // replicas are known
	memo   *fluid.Memo
	parts  []int        // variants that are simulated together, the main one first
	theirs []Autoscaler // that can be simulated
	warmUp time.Duration
}

// newBench puts demand on fluid's ticks. The first ticks of burnIn are driven through and not scored.
func newBench(h *History, burnIn time.Duration) (*bench, error) {
	requests := make([]float64, len(h.Rate))
	for k, r := range h.Rate {
		requests[k] = r * h.Step.Seconds()
	}
	load, err := fluid.Resample(h.Model.ID.String(), h.Step, requests, fluid.Tick)
	if err != nil {
		return nil, err
	}
	b := &bench{
		h: h, load: load, fleet: h.hasFleet(), counts: make([]bool, len(load.Rate)),
		memo: &fluid.Memo{},
	}
	for k := range b.counts {
		at := time.Duration(k) * load.Step
		i := int(at / h.Step)
		b.counts[k] = at >= burnIn && !math.IsNaN(h.Rate[i]) && (!b.fleet || h.counted(i))
	}
	b.main = h.largest()
	_, b.warmUp = h.warmUpOf(b.main)
	return b, nil
}

// largest is the variant with the most replica-hours.
func (h *History) largest() int {
	best, most := 0, 0
	for i, paid := range h.Paid {
		sum := 0
		for _, n := range paid {
			sum += max(n, 0)
		}
		if sum > most {
			best, most = i, sum
		}
	}
	return best
}

// actual is the fleet as it was, all variants together; capacity has one entry per variant.
func (b *bench) actual(capacity []float64) run {
	r := run{paid: make([]int, len(b.load.Rate)), capacity: make([]float64, len(b.load.Rate))}
	for k := range r.paid {
		i := b.tickOf(k)
		if !b.h.counted(i) {
			r.paid[k] = unknownCount
			continue
		}
		for v := range b.h.Paid {
			r.paid[k] += b.h.Paid[v][i]
			r.capacity[k] += float64(b.h.Ready[v][i]) * capacity[v]
		}
	}
	return r
}

// tickOf is the tick of the history that a tick of the load lies in.
func (b *bench) tickOf(k int) int { return int(time.Duration(k) * b.load.Step / b.h.Step) }

// hoursOf are the replica-hours of one variant on the scored ticks.
func (b *bench) hoursOf(variant int) float64 {
	sum := 0.0
	for k, ok := range b.counts {
		if ok {
			sum += float64(max(b.h.Paid[variant][b.tickOf(k)], 0)) * b.load.Step.Hours()
		}
	}
	return sum
}

const (
	// peakFactor and leastLimit bound simulated fleets whose maximum is not configured, as an HPA always is.
	peakFactor = 2
	leastLimit = 8
)

// limitOf is how many replicas of a variant simulated policies may have. The maximum of a model that was discovered
// is a guess from one moment, so the history's own peak is taken instead.
func (b *bench) limitOf(variant int, found bool) int {
	if !found {
		return b.h.Model.Variants[variant].Max
	}
	return max(peakFactor*slices.Max(append([]int{0}, b.h.Paid[variant]...)), leastLimit)
}

// startOf is how many replicas of a variant were ready when all were first known.
func (b *bench) startOf(variant int) int {
	for k := range b.h.Rate {
		if b.h.counted(k) {
			return b.h.Ready[variant][k]
		}
	}
	return 0
}

// world is the fluid world of a capacity. Its timeline has a point per tick, so that gaps can be left out.
func (b *bench) world(capacity float64, limit int) fluid.World {
	w := fluid.DefaultWorld()
	v := b.h.Model.Variants[b.main]
	w.Replica.Rate = capacity
	r := b.h.Learned.Request
	if r.Count > 0 {
		w.Replica.Prompt, w.Replica.Output = r.Prompt/r.Count, r.Output/r.Count
	}
	if r.Served > 0 && r.Busy > 0 {
		w.Replica.Service = time.Duration(r.Busy / r.Served * float64(time.Second))
	}
	w.WarmUp, w.Sight, w.Begin = fluid.WarmUp{Median: b.warmUp}, fluid.Scraped(), b.h.Begin
	w.Min, w.Points = max(v.Min, 1), len(b.load.Rate)
	if limit > 0 {
		w.Max = max(limit, w.Min)
	}
	w.Start = b.startOf(b.main)
	return w
}

// drive runs a policy and gives the fleet it would have had.
func drive(c *fluid.Course, s fluid.Scaler) run {
	points := c.Run(s).Timeline
	r := run{paid: make([]int, len(points)), ready: make([]int, len(points)), capacity: make([]float64, len(points))}
	for k, p := range points {
		r.paid[k], r.ready[k], r.capacity[k] = p.Wanted, p.Ready, p.Strong*c.World().Replica.Rate
		if p.Pools != nil {
			r.pools = append(r.pools, p.Pools)
		}
	}
	return r
}

// contender is a policy of the report.
type contender struct {
	name, doc, setting string
	mixed              bool // it scales every variant that takes part
	make               func(c *fluid.Course) (fluid.Scaler, error)
}

// contenders are the rivals with their settings, and the product.
func (b *bench) contenders(s Settings, configured bool) []contender {
	var out []contender
	for _, r := range []struct {
		name, doc, setting string
		headroom           float64
	}{
		{"hpa", "HPA on requests/s", fmt.Sprintf("target %g of capacity", s.HPATarget), s.HPATarget},
		{"keda-queue", "KEDA on waiting requests", fmt.Sprintf("%g waiting per replica", s.KEDAQueue), s.KEDAQueue},
		{"keda-kv", "KEDA on KV-cache use", fmt.Sprintf("%g per replica", s.KEDAKV), s.KEDAKV},
	} {
		out = append(out, contender{r.name, r.doc, r.setting, false, func(c *fluid.Course) (fluid.Scaler, error) {
			return rival.New(r.name, r.headroom, c)
		}})
	}
	out = append(out, b.yours()...)
	told := b.all(func(i int) bool { return b.h.Model.Variants[i].WarmUpFixed })
	product := fluid.Product{WarmUpKnown: told, Forecaster: b.memo}
	setting := "capacity learned from nothing"
	if configured {
		product.Headroom, setting = 1, "capacity as configured"
	}
	return append(out, contender{
		"forewarm", "Forewarm, the real engine", setting, b.mixed(),
		func(c *fluid.Course) (fluid.Scaler, error) { return fluid.NewForewarm(c, product), nil },
	})
}

// clairvoyant is the least bill of the scored ticks in replica-hours; false if they lie in too many stretches.
// A course tells its optimum from the end of a burn-in on, so a stretch is the difference of two.
func clairvoyant(load fluid.Load, w fluid.World, counts []bool) (float64, bool, error) {
	parts := stretches(counts, true)
	if len(parts) == 0 || len(parts) > mostStretches {
		return 0, false, nil
	}
	from := func(tick int) (float64, error) {
		if tick >= len(load.Rate) {
			return 0, nil
		}
		w.BurnIn = tick
		c, err := fluid.NewCourse(load, w)
		if err != nil {
			return 0, err
		}
		return c.Optimum(), nil
	}
	sum := 0.0
	for _, p := range parts {
		whole, err := from(p.From)
		if err != nil {
			return 0, false, err
		}
		rest, err := from(p.To)
		if err != nil {
			return 0, false, err
		}
		sum += whole - rest
	}
	return sum / 3600, true, nil
}
