package fluid

import (
	"fmt"
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/trace"
	"github.com/forewarm/forewarm/policy"
)

// SpotStudy is a load on an on-demand pool and the spot pools of a recorded series, for every policy that splits.
type SpotStudy struct {
	Load    Load // Load.Rate is used again from its start when the spot series is longer
	Spot    trace.Spot
	Price   float64 // of a spot replica, as a share of the on-demand one
	Notice  time.Duration
	WarmUp  time.Duration
	Nodes   int           // nodes of the series per replica; 0 = 1
	Told    Told          // what the product is told of the zones; its zero value is the default
	BurnIn  time.Duration // at most half of the series
	Seed    uint64
	Under   sim.Conditions
	Product Product
}

// Told is what the product is told of how spot nodes come and go.
type Told struct {
	Hazard       float64 // losses per replica and hour
	Availability float64 // share of asked nodes that are there, (0, 1]
}

// ToldByDefault is what the product assumes of spot that nobody configured.
func ToldByDefault() Told {
	d := policy.DefaultSpotTerms()
	return Told{d.HazardPerHour, d.Availability}
}

// terms are what is told, and the notice.
func (s SpotStudy) terms() policy.SpotTerms {
	told := s.Told
	if told == (Told{}) {
		told = ToldByDefault()
	}
	return policy.SpotTerms{Availability: told.Availability, HazardPerHour: told.Hazard, Notice: s.Notice}
}

// SpotRow is what one policy came to.
type SpotRow struct {
	Policy      string
	Cost        float64 // bill / that of on-demand only
	Unavailable float64 // share of ticks with more demand than ready capacity
	V1, V2      float64
	Lost        int // nodes taken away under it
	Starts      int
}

// Course puts the study into a world: pool 0 is on demand, the others are the series' zones.
func (s SpotStudy) Course() (*Course, error) {
	w := DefaultWorld()
	w.Seed, w.WarmUp = s.Seed, WarmUp{Median: s.WarmUp}
	w = w.Under(s.Under, s.Load.Step)
	w.Pools = []Pool{{Name: "on-demand", Type: policy.OnDemand, Price: 1, GPUs: 1}}
	for z, name := range s.Spot.Zones {
		w.Pools = append(w.Pools, Pool{
			Name: "spot-" + name, Type: policy.Spot, Price: s.Price, GPUs: 1, Notice: s.Notice, Nodes: s.nodes(z),
			Spot: s.terms(),
		})
	}
	l := s.Load
	n := int(time.Duration(len(s.Spot.Nodes[0])) * s.Spot.Tick / l.Step)
	rate := make([]float64, n)
	for k := range rate {
		rate[k] = l.Rate[k%len(l.Rate)]
	}
	l.Rate = rate
	w.BurnIn = min(l.ticks(s.BurnIn), n/2)
	return NewCourse(l, w)
}

// nodes are the replicas of a zone that find a node, tick by tick; what is not known is what was known last.
func (s SpotStudy) nodes(zone int) []int {
	series, per, last := s.Spot.Nodes[zone], float64(max(s.Nodes, 1)), 0.0
	out := make([]int, int(time.Duration(len(series))*s.Spot.Tick/s.Load.Step))
	for k := range out {
		if v := series[int(time.Duration(k)*s.Load.Step/s.Spot.Tick)]; !math.IsNaN(v) {
			last = v
		}
		out[k] = int(last/per + tolerance)
	}
	return out
}

// Run measures the product, as it is, and the ways to split a total that is never wrong.
func (s SpotStudy) Run() ([]SpotRow, error) {
	if len(s.Spot.Nodes) == 0 || len(s.Spot.Nodes[0]) == 0 || len(s.Load.Rate) == 0 {
		return nil, fmt.Errorf("spot study of %s: want a spot series and a load, got none", s.Spot.Name)
	}
	c, err := s.Course()
	if err != nil {
		return nil, fmt.Errorf("spot study of %s: %w", s.Spot.Name, err)
	}
	need := Need(c)
	runs := []struct {
		name string
		s    Scaler
	}{
		{"on-demand only", OnDemandOnly(need)},
		{"spot only", EvenSpread(need, true)},
		{"even spread", EvenSpread(need, false)},
		{"spot hedge, 0 extra", SpotHedge(need, 0)},
		{"spot hedge, 1 extra", SpotHedge(need, 1)},
		{"spot hedge, 2 extra", SpotHedge(need, 2)},
		{"forewarm", NewForewarm(c, s.Product)},
		{"forewarm, nothing configured", NewForewarm(c, Product{Prior: 1})},
		{"forewarm, forecast never wrong", s.oracle(c)},
	}
	var out []SpotRow
	base := 0.0
	for i, r := range runs {
		got := c.Run(r.s)
		if i == 0 {
			base = got.Paid
		}
		out = append(out, SpotRow{
			r.name, share(got.Paid, base), got.Unavailable(), got.V1(), got.V2(), got.Lost, got.ColdStarts,
		})
	}
	return out, nil
}

func (s SpotStudy) oracle(c *Course) *Forewarm {
	p := s.Product
	p.Forecaster = Oracle{Course: c}
	return NewForewarm(c, p)
}
