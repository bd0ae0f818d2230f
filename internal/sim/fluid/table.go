package fluid

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// AllClasses names the mean over all cells.
const AllClasses = "all"

// Table is what a yardstick found. It is data; rendering is its reader's.
type Table struct {
	Cells   []Cell
	Weights []float64
	Versus  string
	Rows    []Row
}

// Row is one policy.
type Row struct {
	Policy   string
	Headroom float64 // frozen for all cells: the least mean J at the first weight
	Cells    []Score // at that headroom, in the order of Table.Cells
	Classes  []ClassRow
	// LeftOut is the mean J when each trace is scored with the headroom frozen on the other traces.
	LeftOut  float64
	Weighted []Weighted // one per weight
	Against  Interval   // J minus that of Versus, both frozen
}

// ClassRow is the mean over the cells of a class; the first one is AllClasses.
type ClassRow struct {
	Class    string
	Score    Score
	J        float64    // at the first weight
	V1AtCost []Estimate // one per Yardstick.AtCost
	CostAtV1 []Estimate // one per Yardstick.AtV1
	Frontier []Score    // one per headroom of the grid
}

// Weighted is the best a policy can do at one weight of V1.
type Weighted struct {
	Weight, Headroom, J float64
}

// Estimate is an interpolated value, or none if the sweep does not reach it.
type Estimate struct {
	Value float64
	Known bool
}

// Interval is a mean difference with its 95 % bootstrap interval.
type Interval struct {
	Mean, Low, High float64
}

func (y Yardstick) tabulate(cells []Cell, all []scores) Table {
	t := Table{Cells: cells, Weights: y.Weights, Versus: y.Versus}
	for i, p := range y.Policies {
		t.Rows = append(t.Rows, y.row(p, cells, all[i]))
	}
	i := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Policy == y.Versus })
	for k := range t.Rows {
		if i >= 0 {
			t.Rows[k].Against = y.compare(cells, t.Rows[k], t.Rows[i])
		}
	}
	return t
}

func (y Yardstick) row(p Policy, cells []Cell, s scores) Row {
	everywhere := func(Cell) bool { return true }
	best := frozen(s, cells, y.Weights[0], everywhere)
	r := Row{Policy: p.Name, Headroom: p.Grid[best], Cells: s[best], LeftOut: y.leftOut(cells, s)}
	for _, w := range y.Weights {
		h := frozen(s, cells, w, everywhere)
		r.Weighted = append(r.Weighted, Weighted{w, p.Grid[h], mean(s[h], cells, everywhere).J(w)})
	}
	for _, class := range classes(cells) {
		in := func(c Cell) bool { return class == AllClasses || c.Class == class }
		row := ClassRow{Class: class, Score: mean(s[best], cells, in)}
		row.J = row.Score.J(y.Weights[0])
		for h := range s {
			row.Frontier = append(row.Frontier, mean(s[h], cells, in))
		}
		for _, cost := range y.AtCost {
			row.V1AtCost = append(row.V1AtCost, v1AtCost(row.Frontier, cost))
		}
		for _, v1 := range y.AtV1 {
			row.CostAtV1 = append(row.CostAtV1, costAtV1(row.Frontier, v1))
		}
		r.Classes = append(r.Classes, row)
	}
	return r
}

func classes(cells []Cell) []string {
	out := []string{AllClasses}
	for _, c := range cells {
		if !slices.Contains(out, c.Class) {
			out = append(out, c.Class)
		}
	}
	return out
}

// frozen is the index of the headroom with the least mean J over some cells.
func frozen(s scores, cells []Cell, weight float64, in func(Cell) bool) int {
	best, least := 0, math.Inf(1)
	for h := range s {
		if j := mean(s[h], cells, in).J(weight); j < least {
			best, least = h, j
		}
	}
	return best
}

// leftOut is the mean J over traces, each at the headroom that the others chose.
func (y Yardstick) leftOut(cells []Cell, s scores) float64 {
	sum := 0.0
	for _, t := range y.Traces {
		h := frozen(s, cells, y.Weights[0], func(c Cell) bool { return c.Trace != t.Load.Name })
		sum += mean(s[h], cells, func(c Cell) bool { return c.Trace == t.Load.Name }).J(y.Weights[0])
	}
	return sum / float64(len(y.Traces))
}

func mean(s []Score, cells []Cell, in func(Cell) bool) Score {
	var sum Score
	n := 0.0
	for i, c := range cells {
		if in(c) {
			v := s[i]
			sum.Cost, sum.V1, sum.V2 = sum.Cost+v.Cost, sum.V1+v.V1, sum.V2+v.V2
			sum.Starts, sum.Events, sum.Flaps = sum.Starts+v.Starts, sum.Events+v.Events, sum.Flaps+v.Flaps
			n++
		}
	}
	n = math.Max(n, 1)
	return Score{sum.Cost / n, sum.V1 / n, sum.V2 / n, sum.Starts / n, sum.Events / n, sum.Flaps / n}
}

// undominated are the points that no other undercuts in both cost and V1, cheapest first.
func undominated(frontier []Score) []Score {
	sorted := slices.Clone(frontier)
	slices.SortStableFunc(sorted, func(a, b Score) int {
		return cmp.Or(cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.V1, b.V1))
	})
	var out []Score
	for _, s := range sorted {
		if len(out) == 0 || s.V1 < out[len(out)-1].V1 {
			out = append(out, s)
		}
	}
	return out
}

// v1AtCost interpolates V1 at a mean cost; unknown if the cheapest point costs more. Beyond the dearest
// undominated point paying more buys nothing.
func v1AtCost(frontier []Score, cost float64) Estimate {
	points := undominated(frontier)
	if len(points) == 0 || cost < points[0].Cost {
		return Estimate{}
	}
	for i := 1; i < len(points); i++ {
		if a, b := points[i-1], points[i]; cost <= b.Cost {
			return Estimate{a.V1 + (b.V1-a.V1)*(cost-a.Cost)/(b.Cost-a.Cost), true}
		}
	}
	return Estimate{points[len(points)-1].V1, true}
}

// costAtV1 interpolates the mean cost of a V1; unknown if the sweep does not get that low.
func costAtV1(frontier []Score, v1 float64) Estimate {
	points := undominated(frontier)
	if len(points) > 0 && points[0].V1 <= v1 {
		return Estimate{points[0].Cost, true}
	}
	for i := 1; i < len(points); i++ {
		if a, b := points[i-1], points[i]; v1 >= b.V1 {
			return Estimate{a.Cost + (b.Cost-a.Cost)*(a.V1-v1)/(a.V1-b.V1), true}
		}
	}
	return Estimate{}
}

// resamples of the bootstrap.
const resamples = 4000

// compare is the paired difference in J with its bootstrap interval. A trace is a block: its cells share their
// demand, so only whole traces are drawn, with replacement.
func (y Yardstick) compare(cells []Cell, a, b Row) Interval {
	diff := make([]float64, len(y.Traces))
	for i, t := range y.Traces {
		in := func(c Cell) bool { return c.Trace == t.Load.Name }
		diff[i] = mean(a.Cells, cells, in).J(y.Weights[0]) - mean(b.Cells, cells, in).J(y.Weights[0])
	}
	return Paired(diff, y.World.Seed)
}

// Paired is the mean of differences, one per trace, with its bootstrap interval.
func Paired(diff []float64, seed uint64) (out Interval) {
	for _, d := range diff {
		out.Mean += d / float64(len(diff))
	}
	rng := rand.New(rand.NewPCG(seed, 0x626f6f74))
	means := make([]float64, resamples)
	for i := range means {
		for range diff {
			means[i] += diff[rng.IntN(len(diff))] / float64(len(diff))
		}
	}
	slices.Sort(means)
	out.Low, out.High = means[resamples/40], means[resamples-resamples/40-1]
	return out
}
