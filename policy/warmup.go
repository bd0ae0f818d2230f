package policy

import (
	"slices"
	"time"
)

const (
	// controlDelay is what passes between a change of load and a new replica
	// being asked for: scrape, half a rate window, our tick, the autoscaler's sync.
	controlDelay = 90 * time.Second
	// cacheRefill is how long a new replica needs until its prefix cache is
	// worth that of the one it replaces.
	cacheRefill = 5 * time.Minute
	// maxWarmUp caps what one stuck pod can teach.
	maxWarmUp = 30 * time.Minute
	// enoughWarmUps is how many displace the prior.
	enoughWarmUps = 3
	// warmUpQuantile of the observed warm-ups is planned with.
	warmUpQuantile = 0.9
)

// WarmUp is the time from asking for a replica of variant i to its first useful
// token: configured; else the 0.9 quantile of what was observed, with the prior
// counting as two of them until three were seen. The quantile is the product-limit
// one (Kaplan and Meier 1958): a replica that is still starting says that its
// warm-up is longer than its age, and no more,
//
//	S(t) = prod over completed t_i <= t of (1 - 1/at risk at t_i),  WarmUp = min t with S(t) <= 0.1
//
// and where S does not fall that far, the longest seen, or what is expected of the one
// that has lasted longer. While a
// pod waits for a node, the next one would wait too: then only warm-ups on new
// nodes count, where three were seen. Starved replicas wait for a node, not for a
// model, and teach nothing. Nothing above maxWarmUp is believed.
func WarmUp(m Model, l Learned, in Input, i int) time.Duration {
	return warmUp(&m.Variants[i], l.variant(i), supplyOf(&in, i))
}

func warmUp(v *Variant, l *VariantLearned, s *Supply) time.Duration {
	if v.WarmUpFixed {
		return v.WarmUp
	}
	var buf [maxWarmUps + 2]time.Duration
	seen := buf[:0]
	for _, w := range l.WarmUps {
		if w.NewNode {
			seen = append(seen, w.Took)
		}
	}
	if s.Homeless == 0 || len(seen) < enoughWarmUps {
		seen = seen[:0]
		for _, w := range l.WarmUps {
			seen = append(seen, w.Took)
		}
	}
	if len(seen) < enoughWarmUps {
		seen = append(seen, v.WarmUp, v.WarmUp)
	}
	slices.Sort(seen)
	return min(productLimit(seen, s.loading(), warmUpQuantile), maxWarmUp)
}

// productLimit is the q-quantile of completed durations, ascending, with censored
// ones, descending, that are only known to be longer.
func productLimit(done, still []time.Duration, q float64) time.Duration {
	survive := 1.0
	for k, t := range done {
		for len(still) > 0 && still[len(still)-1] < t {
			still = still[:len(still)-1]
		}
		survive *= 1 - 1/float64(len(done)-k+len(still))
		if survive <= 1-q+1e-9 {
			return t
		}
	}
	return outlasting(done[len(done)-1], still[0])
}

// outlasting is what to expect of a warm-up that has lasted for an age: half as long again as the longest that was seen,
// and again, until that is longer. In steps, because forecasts are made anew for every other lead, and a lead that grew
// with the age would have them made every minute just when everything is slow.
func outlasting(longest, age time.Duration) time.Duration {
	longest = max(longest, time.Second)
	for longest < age {
		longest += longest / 2
	}
	return longest
}

// Lead is how far ahead an order must look: the longest warm-up among the
// model's variants plus the control delay.
func Lead(m Model, l Learned, in Input) time.Duration { return lead(&m, &l, &in) }

func lead(m *Model, l *Learned, in *Input) time.Duration {
	longest := time.Duration(0)
	for i := range m.Variants {
		longest = max(longest, warmUp(&m.Variants[i], l.variant(i), supplyOf(in, i)))
	}
	return longest + controlDelay
}

// warmUp is WarmUp of the draft.
func (d *draft) warmUp(i int) time.Duration {
	return warmUp(&d.m.Variants[i], d.l.variant(i), supplyOf(&d.in, i))
}

// lead is Lead of the draft, worked out when it is first asked for.
func (d *draft) lead() time.Duration {
	if d.longest == 0 {
		d.longest = lead(&d.m, &d.l, &d.in)
	}
	return d.longest
}

// Horizons are the horizons that Propose reads from a forecast, ascending; they are good until the next call.
func (w *Workspace) Horizons(m *Model, l *Learned, in *Input) []time.Duration {
	w.horizons = [...]time.Duration{time.Minute, lead(m, l, in)}
	return w.horizons[:]
}

// loading are the ages of the starting pods that have a node, oldest first.
func (s *Supply) loading() []time.Duration { return s.Ages[min(s.Starved, len(s.Ages)):] }
