package world

import (
	"context"
	"fmt"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// Beat is how often things are looked at, and when; zero = as usual.
type Beat struct {
	Tick   time.Duration // between two of the engine's ticks
	Scrape time.Duration // between two scrapes of each target
	Sync   time.Duration // moment of the autoscaler's looks within their period
}

// Yardstick is how the burst yardstick is run.
type Yardstick struct {
	Rivals bool
	Seed   uint64
	Under  sim.Conditions
	Beat   Beat
	// Phases is at how many phases of scrapes, ticks and syncs the burst begins. Beyond one, rows are means over them,
	// and there is only the gateway that holds requests, uncapped.
	Phases int
}

// burstHold is llm-d's own threshold of a saturated replica: five requests waiting.
const burstHold = 5

// BurstYardstick runs every policy from 1, 2 and 4 replicas, capped at 4 and uncapped, behind a gateway that
// holds requests while all replicas have a queue, and behind one that sends them on at once.
func BurstYardstick(ctx context.Context, y Yardstick) ([]BurstRow, error) {
	if y.Under.Sight == sim.Exact {
		return nil, fmt.Errorf("burst: want sight %s, for everybody reads scrapes here, got %s", sim.Scraped, y.Under.Sight)
	}
	holds, mosts := []int{burstHold, 0}, []int{4, 0}
	if y.Phases > 1 {
		holds, mosts = holds[:1], mosts[1:]
	}
	var out []BurstRow
	for _, hold := range holds {
		for _, most := range mosts {
			for _, initial := range []int{1, 2, 4} {
				b := DefaultBurst()
				b.Fleet.HoldAbove, b.Initial, b.Most = hold, initial, most
				b.Rivals, b.Under, b.Seed, b.Fleet.Seed, b.Beat = y.Rivals, y.Under, y.Seed, y.Seed, y.Beat
				rows, err := b.phases(ctx, y.Phases)
				if err != nil {
					return nil, err
				}
				out = append(out, rows...)
			}
		}
	}
	return out, nil
}

// phases is the mean over so many beginnings of the burst, spread over one period of the autoscaler; its own phase goes
// around four times meanwhile, for nothing aligns it with scrapes and ticks.
func (b Burst) phases(ctx context.Context, n int) ([]BurstRow, error) {
	if n <= 1 {
		return b.All(ctx)
	}
	var sum []BurstRow
	for k := range n {
		late := b
		shift := time.Duration(k) * SyncPeriod / time.Duration(n)
		late.Prelude += shift
		late.Beat.Sync = (4*shift)%SyncPeriod + time.Second/2
		rows, err := late.All(ctx)
		if err != nil {
			return nil, err
		}
		if sum == nil {
			sum = make([]BurstRow, len(rows))
		}
		for i := range rows {
			sum[i].add(&rows[i], n)
		}
	}
	return sum, nil
}

// add adds one of n rows to their mean, in what is printed.
func (r *BurstRow) add(one *BurstRow, n int) {
	share := func(d time.Duration) time.Duration { return d / time.Duration(n) }
	r.Policy, r.Gateway, r.Initial, r.Most, r.Bounded = one.Policy, one.Gateway, one.Initial, one.Most, one.Bounded
	r.Bound += share(one.Bound)
	r.Causal += share(one.Causal)
	r.Observable += share(one.Observable)
	r.Eager += share(one.Eager)
	r.Ended += share(one.Ended)
	r.Errors += one.Errors / float64(n)
	r.Unavoidable += one.Unavoidable / float64(n)
	r.MeanReplicas += one.MeanReplicas / float64(n)
	r.Result.TTFT.P50 += share(one.Result.TTFT.P50)
	r.Result.TTFT.P99 += share(one.Result.TTFT.P99)
	r.Result.Attainment += one.Result.Attainment / float64(n)
	r.Result.GPUSeconds += one.Result.GPUSeconds / float64(n)
}
