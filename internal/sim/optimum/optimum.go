package optimum

// Problem is a fleet to run at least cost. All times are in ticks.
type Problem struct {
	Need   []int // replicas that must be ready in each tick
	WarmUp int   // ticks from ordering a replica to its being ready; billed
	Start  int   // replicas that are ready when the first tick begins
}

// Plan is a cheapest fleet.
type Plan struct {
	Billed []int // replicas paid for in each tick, warming or ready
	Starts []int // replicas ordered at the beginning of each tick
	Missed int   // ticks whose need nobody could have met: too early for a warm-up
}

// Solve is the closed form. Replicas are alike, so replica layer n is needed exactly while Need >= n and the
// layers do not interact. Within a layer a gap of g ticks between two spells of need costs
//
//	min(g, WarmUp)
//
// because the replica is either held (g ticks) or given back and ordered again in time (WarmUp ticks); ties
// hold, which saves a start. Before its first spell a layer costs WarmUp, or nothing more than the wait if it
// was there from the start; after its last spell it costs nothing. A layer that is not there from the start
// cannot serve before tick WarmUp: such need is dropped, and counted as missed.
func Solve(p Problem) Plan {
	n := len(p.Need)
	// Differences instead of counts: a change at a tick, summed up at the end.
	billed, starts, missed := make([]int, n+1), make([]int, n+1), 0
	bill := func(from, to int) {
		billed[from]++
		billed[to]--
	}
	for k, need := range p.Need {
		if k < p.WarmUp && need > p.Start {
			missed++
		}
	}
	free := make([]int, highest(p.Need)) // per layer: the tick from which it is not needed any more
	for i := range free {
		if i >= p.Start {
			free[i] = -1 // never ordered so far
		}
	}
	for k, need := range p.Need {
		if k < p.WarmUp {
			need = min(need, p.Start)
		}
		for layer := range need {
			switch since := free[layer]; {
			case since >= 0 && k-since <= p.WarmUp:
				bill(since, k)
			default:
				bill(k-p.WarmUp, k)
				starts[k-p.WarmUp]++
			}
			bill(k, k+1)
			free[layer] = k + 1
		}
	}
	for k := 1; k <= n; k++ {
		billed[k] += billed[k-1]
	}
	return Plan{Billed: billed[:n], Starts: starts[:n], Missed: missed}
}

func highest(need []int) int {
	top := 0
	for _, n := range need {
		top = max(top, n)
	}
	return top
}
