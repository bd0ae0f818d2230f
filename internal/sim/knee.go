package sim

import (
	"fmt"
	"time"
)

// Vary is the replica with speeds and cache size multiplied by lognormal variates of mean about 1 and the
// given spread, fixed by the seed: no policy should live from one set of numbers. 0.2 is a spread of 20 %.
func (c ReplicaConfig) Vary(seed uint64, spread float64) ReplicaConfig {
	rng := source(seed, purposeReplica)
	by := func() float64 { return lognormal(rng, 1, spread) }
	c.KVBlocks = max(1, int(float64(c.KVBlocks)*by()))
	c.PrefillRate *= by()
	c.IterationBase = time.Duration(float64(c.IterationBase) * by())
	c.PerSeq = time.Duration(float64(c.PerSeq) * by())
	c.PerKVToken *= by()
	return c
}

// Vary is the same of slots.
func (c SlotsConfig) Vary(seed uint64, spread float64) SlotsConfig {
	rng := source(seed, purposeReplica)
	c.PrefillRate *= lognormal(rng, 1, spread)
	c.DecodeRate *= lognormal(rng, 1, spread)
	return c
}

// varied is the variant as one of its pods has it.
func (v *variant) varied(seed uint64) VariantConfig {
	c := v.VariantConfig
	if c.Spread == 0 {
		return c
	}
	if c.Slots == nil {
		c.Replica = c.Replica.Vary(seed, c.Spread)
		return c
	}
	s := c.Slots.Vary(seed, c.Spread)
	c.Slots = &s
	return c
}

// Faster is the replica with all it does done so many times as fast, in the same memory.
func (c ReplicaConfig) Faster(by float64) ReplicaConfig {
	c.PrefillRate *= by
	c.IterationBase = time.Duration(float64(c.IterationBase) / by)
	c.PerSeq = time.Duration(float64(c.PerSeq) / by)
	c.PerKVToken /= by
	return c
}

// The trial by which Knee judges a rate.
const (
	kneeLength = 15 * time.Minute
	kneeShare  = 0.99 // of first attempts within the goals
	kneeSteps  = 9
)

// Knee is the largest rate of Poisson arrivals, in requests/s, at which one replica of the fleet's first
// variant keeps 99 % of requests within the fleet's goals for a quarter of an hour: its true capacity, for
// experiments in which a policy is told it, rightly or not. Only what had time to finish is judged.
func Knee(cfg FleetConfig, prompt, output Lengths) (float64, error) {
	cfg.Replicas, cfg.More, cfg.Nodes, cfg.Quota = 1, nil, nil, nil
	holds := func(rate float64) (bool, error) {
		wc := DefaultWorkload()
		wc.Seed, wc.Start, wc.PeakRate, wc.Prompt, wc.Output = cfg.Seed, cfg.Start, rate, prompt, output
		wc.Sharpness, wc.Wander, wc.Burst, wc.Weekend, wc.Crowds = 0, 0, 1, 1, Crowds{}
		src, err := NewWorkload(wc)
		if err != nil {
			return false, fmt.Errorf("knee: %w", err)
		}
		f, err := NewFleet(cfg, src)
		if err != nil {
			return false, fmt.Errorf("knee: %w", err)
		}
		f.Advance(cfg.Start.Add(kneeLength))
		r := f.Result()
		late := r.First - r.Met - min(r.Unfinished, uint64(f.pods[0].rep.Running()))
		return float64(late) <= (1-kneeShare)*float64(r.First), nil
	}
	low, high := 0.0, 1.0
	for {
		ok, err := holds(high)
		if err != nil {
			return 0, err
		}
		if !ok || high > 1e4 {
			break
		}
		low, high = high, 2*high
	}
	for range kneeSteps {
		mid := (low + high) / 2
		ok, err := holds(mid)
		if err != nil {
			return 0, err
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	return low, nil
}
