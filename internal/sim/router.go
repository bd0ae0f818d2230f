package sim

import "math"

// Router says by what rule the gateway picks a ready replica.
type Router uint8

// The routers.
const (
	// LeastLoaded takes the replica with the fewest requests; ties go round.
	LeastLoaded Router = iota
	// SessionAffine sends a session always to the same replica, by rendezvous hashing, so that a change in
	// replicas moves only the sessions it must. Requests without a session go to the least loaded.
	SessionAffine
	// PrefixAware weighs what a replica has of the prompt against its queue and its cache use, like the
	// scorers of llm-d's endpoint picker: 3 * share of the prompt cached + 2 * (shortness of its queue
	// among all) + 2 * (1 - KV use). The weights are this simulator's choice.
	PrefixAware
	routers
)

// String is the router in kebab-case.
func (r Router) String() string {
	return [routers]string{"least-loaded", "session-affine", "prefix-aware"}[r]
}

const (
	weightPrefix = 3
	weightQueue  = 2
	weightKV     = 2
)

// choose is the pod for a request, nil while it has to be held.
func (f *Fleet) choose(r *Request) *Pod {
	if f.full() {
		return nil
	}
	switch {
	case f.cfg.Router == SessionAffine && r.Session != 0:
		return f.affine(r.Session)
	case f.cfg.Router == PrefixAware:
		return f.bestScore(r)
	default:
		return f.leastLoaded()
	}
}

// full says whether flow control holds requests: every ready replica has a queue.
func (f *Fleet) full() bool {
	if f.cfg.HoldAbove == 0 {
		return false
	}
	for _, p := range f.pods {
		if p.state == Ready && p.rep.Waiting() < f.cfg.HoldAbove {
			return false
		}
	}
	return true
}

// leastLoaded is the ready pod with the fewest requests, nil without one. Ties go round.
func (f *Fleet) leastLoaded() *Pod {
	var best *Pod
	n, least := len(f.pods), math.MaxInt
	f.turn++
	for i := range n {
		p := f.pods[(i+f.turn)%n]
		if p.state != Ready {
			continue
		}
		if load := p.rep.Load(); load < least {
			best, least = p, load
		}
	}
	return best
}

// affine is the ready pod whose name and the session hash highest together.
func (f *Fleet) affine(session uint64) *Pod {
	var best *Pod
	top := uint64(0)
	for _, p := range f.pods {
		if p.state != Ready {
			continue
		}
		if h := mix(session ^ p.key); best == nil || h > top {
			best, top = p, h
		}
	}
	return best
}

// bestScore is the ready pod with the highest score; ties go round.
func (f *Fleet) bestScore(r *Request) *Pod {
	shortest, longest := math.MaxInt, 0
	for _, p := range f.pods {
		if p.state == Ready {
			shortest, longest = min(shortest, p.rep.Waiting()), max(longest, p.rep.Waiting())
		}
	}
	var best *Pod
	n, top := len(f.pods), math.Inf(-1)
	f.turn++
	for i := range n {
		p := f.pods[(i+f.turn)%n]
		if p.state != Ready {
			continue
		}
		queue := 1.0
		if longest > shortest {
			queue = float64(longest-p.rep.Waiting()) / float64(longest-shortest)
		}
		score := weightPrefix*p.rep.Cached(r)/max(1, r.Prompt) + weightQueue*queue + weightKV*(1-p.rep.KVUse())
		if score > top {
			best, top = p, score
		}
	}
	return best
}
