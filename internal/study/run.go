package study

import (
	"context"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// atCost is the cost at which V1 is compared, the first of fluid.DefaultYardstick's.
const atCost = 1.2

// Run runs every chosen policy in every cell. The document depends on the options only, not on Workers.
func Run(ctx context.Context, o Options) (Simulation, error) {
	traces, notes, err := o.loads(o.BurnIn)
	if err != nil {
		return Simulation{}, err
	}
	y := fluid.DefaultYardstick()
	y.Traces, y.WarmUps, y.Fleets, y.BurnIn = traces, o.WarmUps, o.Fleets, o.BurnIn
	y.AtCost = []float64{atCost}
	y.Policies, y.Workers, y.Progress = o.chosen(), o.Workers, o.Progress
	y.Versus = versus(y.Policies)
	if y.World, y.Through, err = o.world(); err != nil {
		return Simulation{}, err
	}
	table, err := y.Run(ctx)
	if err != nil {
		return Simulation{}, err
	}
	out := document(o, y, table)
	out.Notes = notes
	if o.Points > 0 {
		out.Courses, err = courses(ctx, y, table, o.Points)
	}
	return out, err
}

func document(o Options, y fluid.Yardstick, table fluid.Table) Simulation {
	out := Simulation{
		APIVersion: Version, Kind: Kind, Seed: o.Seed, Resolution: o.Resolution, Sight: string(o.sight()),
		Conditions: ConditionsOf(o.Under), BurnIn: o.BurnIn.Seconds(),
		Fleets: o.Fleets, Weights: table.Weights, Versus: table.Versus,
	}
	for _, w := range o.WarmUps {
		out.WarmUps = append(out.WarmUps, w.Seconds())
	}
	for _, t := range y.Traces {
		span := time.Duration(len(t.Load.Rate)) * t.Load.Step
		out.Loads = append(out.Loads, Load{
			Name: t.Load.Name, Class: t.Class, Filled: t.Load.Filled,
			Days: days(span), Scored: days(span - min(o.BurnIn, span/2)),
		})
	}
	for i, r := range table.Rows {
		out.Policies = append(out.Policies, policyOf(table, y.Policies[i], r))
	}
	for i, p := range out.Policies {
		out.Policies[i].Ahead = out.ahead(p)
	}
	if o.ByLoad {
		out.Duel = out.duel()
	}
	return out
}

func days(d time.Duration) float64 { return d.Hours() / 24 }

func policyOf(table fluid.Table, p fluid.Policy, r fluid.Row) Policy {
	out := Policy{
		Name: r.Policy, Doc: p.Doc, Headroom: r.Headroom, Means: p.Headroom, Tried: len(p.Grid), LeftOut: r.LeftOut,
	}
	if r.Policy != table.Versus {
		out.Against = &Interval{Mean: r.Against.Mean}
		if loadsOf(table.Cells) > 1 { // one load drawn again and again is no interval
			out.Against.Low, out.Against.High = &r.Against.Low, &r.Against.High
		}
	}
	for _, w := range r.Weighted {
		out.Weighted = append(out.Weighted, Weighted(w))
	}
	for _, c := range r.Classes {
		row := Class{Class: c.Class, Score: scoreOf(c.Score, table.Weights[0])}
		if e := c.V1AtCost[0]; e.Known && len(p.Grid) > 1 { // one headroom is no frontier
			row.V1AtCost = &e.Value
		}
		out.Classes = append(out.Classes, row)
	}
	for i, s := range r.Cells {
		c := table.Cells[i]
		out.Cells = append(out.Cells, Cell{c.Trace, c.WarmUp.Seconds(), c.Fleet, scoreOf(s, table.Weights[0])})
	}
	for i, s := range r.Classes[0].Frontier {
		out.Frontier = append(out.Frontier, Point{p.Grid[i], s.Cost, s.V1})
	}
	return out
}

// loadsOf is how many loads the cells have.
func loadsOf(cells []fluid.Cell) int {
	names := map[string]bool{}
	for _, c := range cells {
		names[c.Trace] = true
	}
	return len(names)
}

func scoreOf(s fluid.Score, weight float64) Score {
	return Score{s.Cost, s.V1, s.V2, s.J(weight), s.Starts, s.Events, s.Flaps}
}
