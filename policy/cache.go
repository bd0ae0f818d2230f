package policy

import "time"

// kvShared is the KV-cache use from which on requests in service take the room that
// prefixes are kept in.
const kvShared = 0.5

// Serving is how many replicas serve, and since when there are as many: the prefix
// caches of a fleet have to fill anew after each change.
type Serving struct {
	Ready   int       `json:"ready"`
	Changed time.Time `json:"changed"` // zero = before anything was observed
}

// observe adds one look; where a variant's supply is unknown nothing has changed.
func (s Serving) observe(in *Input) Serving {
	ready := 0
	for i := range in.Supply {
		v := &in.Supply[i]
		if !v.Known {
			return s
		}
		ready += v.Ready
	}
	switch {
	case ready == s.Ready:
		return s
	case s == Serving{}:
		return Serving{Ready: ready}
	}
	return Serving{Ready: ready, Changed: in.Now}
}

// refilling says that the prefix caches are not what they were and will not stay
// what they are.
func (s Serving) refilling(now time.Time) bool {
	return !s.Changed.IsZero() && now.Sub(s.Changed) < cacheRefill
}

// hit is the share of prompt tokens that the prefix cache answers, 0..1; 0 if not
// known.
func (r Request) hit() float64 {
	if r.Asked <= 0 {
		return 0
	}
	return 1 - min(r.Prompt/r.Asked, 1)
}

// coveredColder says whether the replicas left carry a need, of which prefix caches
// answer less than now: n' of n replicas keep n'/n of the prefixes,
//
//	uncached = prompt tokens x (1 - hit x n'/n)
//
// unless requests in service, moved together, still leave half of the KV caches free;
// then the prefixes that are in use fit. Never less than the need as it is.
func (d *draft) coveredColder(left []int, need Work) bool {
	if !covered(d.caps, left, need) {
		return false
	}
	hit, n, kept := d.l.Request.hit(), float64(total(d.counts)), float64(total(left))
	if hit <= 0 || d.l.Request.Prompted <= 0 || !d.kvLimited(kept) {
		return true
	}
	cold, colder := need, hit*kept/n
	asked := need.Requests * d.l.Request.Asked / d.l.Request.Prompted
	cold.PromptTokens = max(need.PromptTokens, asked*(1-colder))
	if covered(d.caps, left, cold) {
		return true
	}
	here := total(d.counts)
	d.step("keep-cache", here, here, [4]float64{kept, hit, colder, cold.PromptTokens})
	return false
}

// kvLimited says that requests in service would take more than kvShared of the KV
// caches of so many replicas, or that this is not known.
func (d *draft) kvLimited(replicas float64) bool {
	return !d.census.cached || len(d.in.Signals.Pods) == 0 || d.census.kv > kvShared*replicas
}
