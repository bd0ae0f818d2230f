package idle

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Tenant is one small model's requests: moments in seconds, ascending.
type Tenant struct {
	Name     string
	Arrivals []float64
}

// mostDrawn is how many requests of a bucket are drawn: more leave no gap that matters.
const mostDrawn = 200

// Draw spreads counts per bucket evenly at random over their buckets, fixed by a seed. NaN is a hole: nothing is
// known to have come.
func Draw(name string, bucket float64, counts []float64, seed uint64) Tenant {
	rng := rand.New(rand.NewPCG(seed, 0x69646c65))
	t := Tenant{Name: name}
	for i, n := range counts {
		if math.IsNaN(n) {
			continue
		}
		from := len(t.Arrivals)
		for range min(int(math.Round(n)), mostDrawn) {
			t.Arrivals = append(t.Arrivals, bucket*(float64(i)+rng.Float64()))
		}
		slices.Sort(t.Arrivals[from:])
	}
	return t
}

// Sparse says whether a series is worth sleeping for: at least half of its buckets are empty, and at least so many
// runs of empty ones lie between full ones.
func Sparse(counts []float64, gaps int) bool {
	empty, runs, inGap, begun := 0, 0, false, false
	for _, n := range counts {
		if n == 0 {
			empty++
			inGap = begun
			continue
		}
		if inGap {
			runs++
		}
		inGap, begun = false, true
	}
	return 2*empty >= len(counts) && runs >= gaps
}

// shortest is the shortest time without a request that is called a gap, in seconds. No rule would sleep sooner, and
// everybody pays alike for what is shorter, so it is left out of all bills.
const shortest = 60

// Gaps are the times between requests that are worth a thought, in seconds.
func (t Tenant) Gaps() []float64 {
	var out []float64
	for i := 1; i < len(t.Arrivals); i++ {
		if g := t.Arrivals[i] - t.Arrivals[i-1]; g >= shortest {
			out = append(out, g)
		}
	}
	return out
}
