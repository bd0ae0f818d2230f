package study

import (
	"errors"
	"fmt"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/trace"
)

// KindSpot is the kind of SpotSimulation.
const KindSpot = "SpotSimulation"

// SpotOptions say which recorded spot series are tried. Warm-up, fleet, load, burn-in and seed are those of Options:
// demand is constant, Fleets[0] replicas, unless a trace or a workload is named.
type SpotOptions struct {
	Files  []string
	Price  float64 // of a spot replica, as a share of the on-demand one
	Notice time.Duration
	Nodes  int // nodes of the series per replica
	Told   fluid.Told
}

// DefaultSpotOptions are a price of 0.3 and AWS's notice of two minutes.
func DefaultSpotOptions() SpotOptions {
	return SpotOptions{Price: 0.3, Notice: 2 * time.Minute, Nodes: 1, Told: fluid.ToldByDefault()}
}

// Check reports everything that is wrong with the options at once.
func (o SpotOptions) Check() error {
	var errs []error
	if !(o.Price > 0 && o.Price <= 10) {
		errs = append(errs, fmt.Errorf("--spot-price: want above 0 and at most 10, got %g", o.Price))
	}
	if o.Notice < 0 {
		errs = append(errs, fmt.Errorf("--spot-notice: want 0 or more, got %s", o.Notice))
	}
	if o.Nodes < 1 {
		errs = append(errs, fmt.Errorf("--spot-nodes: want at least 1, got %d", o.Nodes))
	}
	if !(o.Told.Hazard >= 0 && o.Told.Hazard <= 1000) {
		errs = append(errs, fmt.Errorf("--spot-hazard: want 0 to 1000 per hour, got %g", o.Told.Hazard))
	}
	if !(o.Told.Availability > 0 && o.Told.Availability <= 1) {
		errs = append(errs, fmt.Errorf("--spot-availability: want (0, 1], got %g", o.Told.Availability))
	}
	return errors.Join(errs...)
}

// SpotSimulation is what on-demand and spot replicas cost and miss together.
type SpotSimulation struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Seed       uint64      `json:"seed"`
	Sight      string      `json:"sight"`
	WarmUp     float64     `json:"warmUpSeconds"`
	Notice     float64     `json:"noticeSeconds"`
	Conditions *Conditions `json:"conditions,omitempty"` // absent in an easy world
	Fleet      float64     `json:"fleet"`                // mean demand, in replicas
	Price      float64     `json:"spotPrice"`
	Rows       []SpotRow   `json:"rows"`
	Notes      []string    `json:"notes,omitempty"` // loads that were left out, and why
}

// SpotRow is one policy on one series and load. Shares are 0..1.
type SpotRow struct {
	Series      string  `json:"series"`
	Load        string  `json:"load"`
	Policy      string  `json:"policy"`
	Cost        float64 `json:"costOfOnDemandOnly"`
	Unavailable float64 `json:"unavailable"` // share of ticks with more demand than ready capacity
	V1          float64 `json:"v1"`
	V2          float64 `json:"v2"`
	Lost        int     `json:"nodesLost"`
	Starts      int     `json:"coldStarts"`
}

// Spot runs the study on every series and load.
func Spot(o Options, so SpotOptions) (SpotSimulation, error) {
	out := SpotSimulation{
		APIVersion: Version, Kind: KindSpot, Seed: o.Seed, WarmUp: o.WarmUps[0].Seconds(), Notice: so.Notice.Seconds(),
		Fleet: o.Fleets[0], Price: so.Price, Conditions: ConditionsOf(o.Under), Sight: string(o.sight()),
	}
	loads, notes, err := o.spotLoads()
	if err != nil {
		return SpotSimulation{}, err
	}
	out.Notes = notes
	for _, path := range so.Files {
		series, err := trace.ReadSpot(path)
		if err != nil {
			return SpotSimulation{}, err
		}
		for _, l := range loads {
			rows, err := fluid.SpotStudy{
				Load: l, Spot: series, Price: so.Price, Notice: so.Notice, WarmUp: o.WarmUps[0], Nodes: so.Nodes,
				BurnIn: o.BurnIn, Seed: o.Seed, Under: o.Under, Product: fluid.Product{Headroom: 1, WarmUpKnown: true},
				Told: so.Told,
			}.Run()
			if err != nil {
				return SpotSimulation{}, err
			}
			for _, r := range rows {
				out.Rows = append(out.Rows, SpotRow{
					series.Name, l.Name, r.Policy, r.Cost, r.Unavailable, r.V1, r.V2, r.Lost, r.Starts,
				})
			}
		}
	}
	return out, nil
}

// spotLoads are the named loads, else constant demand, scaled to the fleet.
func (o Options) spotLoads() ([]fluid.Load, []string, error) {
	rate := o.Fleets[0] * fluid.DefaultReplica().Rate
	if len(o.Traces) == 0 && len(o.Workloads) == 0 {
		return []fluid.Load{{Name: "constant", Step: fluid.Tick, Rate: []float64{rate}}}, nil, nil
	}
	traces, notes, err := o.loads(0)
	if err != nil {
		return nil, nil, err
	}
	var out []fluid.Load
	for _, t := range traces {
		mean := t.Load.Mean(0)
		if mean <= 0 {
			return nil, nil, fmt.Errorf("spot: load %s: want demand, got none", t.Load.Name)
		}
		out = append(out, t.Load.Scaled(rate/mean))
	}
	return out, notes, nil
}
