package idle

import (
	"math"
	"math/rand/v2"
)

// Row is what one rule came to at one restart cost, over all tenants.
type Row struct {
	Rule   string
	Cost   float64 // C, in seconds of a replica
	Ratio  float64 // of the bill to the one of who knows the future, all tenants together
	Worst  float64 // the largest of a tenant
	Idle   float64 // seconds
	Starts int
}

// KEDACooldown is KEDA's cooldownPeriod by default, in seconds.
const KEDACooldown = 300

// rules are made anew for each tenant and restart cost.
func rules() []struct {
	name string
	make func(cost float64, seed uint64) Rule
} {
	return []struct {
		name string
		make func(cost float64, seed uint64) Rule
	}{
		{"fixed 300 s (KEDA)", func(float64, uint64) Rule { return tau(KEDACooldown) }},
		{"ski rental, tau = C", func(cost float64, _ uint64) Rule { return tau(cost) }},
		{"randomised", func(cost float64, seed uint64) Rule {
			return randomised{cost, rand.New(rand.NewPCG(seed, 0x736b69))}
		}},
		{"hybrid histogram", func(float64, uint64) Rule { return &histogram{} }},
		{"learned tau", func(cost float64, _ uint64) Rule { return &learned{cost: cost} }},
	}
}

// Product is the name of the real policy's row.
const Product = "forewarm"

// Run measures every rule and the product at every restart cost.
func Run(tenants []Tenant, costs []float64, seed uint64) []Row {
	var out []Row
	for _, c := range costs {
		for _, r := range rules() {
			row := Row{Rule: r.name, Cost: c}
			bill := 0.0
			for i, t := range tenants {
				idle, starts := play(t, r.make(c, seed+uint64(i)))
				bill += row.book(t, idle, starts)
			}
			row.Ratio = bill
			out = append(out, row.over(tenants))
		}
		row := Row{Rule: Product, Cost: c}
		for _, t := range tenants {
			idle, starts := newProduct(t, c).run()
			row.Ratio += row.book(t, idle, starts)
		}
		out = append(out, row.over(tenants))
	}
	return out
}

// play runs one rule through the gaps of a tenant.
func play(t Tenant, r Rule) (idle float64, starts int) {
	for _, g := range t.Gaps() {
		if after := r.After(); g > after {
			idle += after
			starts++
		} else {
			idle += g
		}
		r.Saw(g)
	}
	return idle, starts
}

// book adds a tenant and says what it cost.
func (r *Row) book(t Tenant, idle float64, starts int) float64 {
	r.Idle += idle
	r.Starts += starts
	bill := idle + r.Cost*float64(starts)
	if least := t.least(r.Cost); least > 0 {
		r.Worst = math.Max(r.Worst, bill/least)
	}
	return bill
}

// over divides the bill by what all tenants cost at least.
func (r Row) over(tenants []Tenant) Row {
	least := 0.0
	for _, t := range tenants {
		least += t.least(r.Cost)
	}
	if least > 0 {
		r.Ratio /= least
	}
	return r
}

// least is what the tenant costs who knows the future.
func (t Tenant) least(cost float64) float64 {
	sum := 0.0
	for _, g := range t.Gaps() {
		sum += math.Min(g, cost)
	}
	return sum
}
