package study

import (
	"math"
	"slices"

	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/rival"
)

// catalog is every policy, ours first.
func catalog() []fluid.Policy { return append(fluid.Products(), rival.Table()...) }

// chosen are the policies to run, each with the headrooms to try, in the order of the catalog.
func (o Options) chosen() []fluid.Policy {
	var out []fluid.Policy
	for _, p := range catalog() {
		if o.wants(p.Name) {
			p.Grid = thin(p.Grid, p.Default, o.Sweep)
			out = append(out, p)
		}
	}
	return out
}

// wants says whether a policy is run. The name "forewarm" stands for the set-ups of Capacity.
func (o Options) wants(name string) bool {
	ours := slices.ContainsFunc(capacities, func(c capacity) bool { return c.policy == name })
	if ours && (len(o.Policies) == 0 || slices.Contains(o.Policies, "forewarm")) {
		return slices.ContainsFunc(capacities, func(c capacity) bool {
			return c.policy == name && slices.Contains(o.Capacity, c.name)
		}) || name != "forewarm" && slices.Contains(o.Policies, name)
	}
	return len(o.Policies) == 0 || slices.Contains(o.Policies, name)
}

// thin keeps n headrooms, evenly spread from the first to the last, with the usual one in the place of its nearest
// neighbour between them; one is the usual one.
func thin(grid []float64, usual float64, n int) []float64 {
	if n == 1 {
		return []float64{usual}
	}
	if n >= len(grid) {
		return grid
	}
	var out []float64
	for i := range n {
		out = append(out, grid[(i*(len(grid)-1)+(n-1)/2)/(n-1)])
	}
	if n > 2 && !slices.Contains(out, usual) {
		near := 1
		for i := range out[:n-1] {
			if i > 0 && math.Abs(out[i]-usual) < math.Abs(out[near]-usual) {
				near = i
			}
		}
		out[near] = usual
	}
	return out
}

// versus is the policy that the others are compared with: the tuned moving maximum, the strongest of the simple
// rules (facts of the first experiments), or the first policy if that is not run.
func versus(policies []fluid.Policy) string {
	if slices.ContainsFunc(policies, func(p fluid.Policy) bool { return p.Name == "moving-max" }) {
		return "moving-max"
	}
	return policies[0].Name
}
