package world

import (
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/policy"
)

// cluster is one scrape of kube-state-metrics.
type cluster struct {
	at   time.Time
	spec []int // per variant
	pods []clusterPod
}

type clusterPod struct {
	name, uid string
	variant   int
	created   time.Time
	readyAt   time.Time
	placed    bool
	ready     bool
	leaving   bool
}

func seeCluster(f *sim.Fleet) cluster {
	c := cluster{at: f.Now()}
	for i := range f.Variants() {
		c.spec = append(c.spec, f.DesiredOf(i))
	}
	for _, p := range f.Pods() {
		created, placed, ready := f.Moments(p)
		c.pods = append(c.pods, clusterPod{
			name: p.Name(), uid: p.UID(), variant: p.Variant(), created: created, readyAt: ready,
			placed: !placed.IsZero(), ready: p.Serving(), leaving: p.State() == sim.Draining,
		})
	}
	return c
}

// supply is the variants' replicas, and the pods that should be answering; nothing is known of either
// without a fresh scrape.
func (v *view) supply() (out []policy.Supply, expected []string) {
	c, ok := v.clusterAt()
	age := v.at.Sub(c.at)
	for i, variant := range v.model.Variants {
		s := policy.Supply{Variant: variant.Name}
		if ok && age <= v.opt.MaxAge {
			s.Known, s.Age, s.Spec = true, age, c.spec[i]
			v.count(&s, c, i)
		}
		out = append(out, s)
	}
	if !ok || age > v.opt.MaxAge {
		return out, nil
	}
	for _, p := range c.pods {
		if p.ready && !p.leaving {
			expected = append(expected, p.name)
		}
	}
	slices.Sort(expected)
	return out, expected
}

// count sorts a variant's pods into ready, starting and starved.
func (v *view) count(s *policy.Supply, c cluster, variant int) {
	for _, p := range c.pods {
		if p.variant != variant {
			continue
		}
		if took, ok := v.warmUp(p); ok {
			s.WarmUps = append(s.WarmUps, took)
		}
		switch {
		case p.leaving:
		case p.ready:
			s.Ready++
		default:
			s.Starting++
			age := max(v.at.Sub(p.created), 0)
			s.Ages = append(s.Ages, age)
			if !p.placed && age > v.opt.StarvedAfter {
				s.Starved++
			}
		}
	}
	slices.SortFunc(s.Ages, func(a, b time.Duration) int { return int(min(max(b-a, -1), 1)) })
}

// warmUp hands out a completed warm-up once; asking again for the same moment gives the same answer.
func (v *view) warmUp(p clusterPod) (time.Duration, bool) {
	took := p.readyAt.Sub(p.created)
	if !p.ready || took <= 0 {
		return 0, false
	}
	told, before := v.told[p.uid]
	if before && !told.Equal(v.at) {
		return 0, false
	}
	v.told[p.uid] = v.at
	return took, true
}

// clusterAt is the newest scrape of kube-state-metrics up to the moment.
func (v *view) clusterAt() (cluster, bool) {
	for i := len(v.clusters) - 1; i >= 0; i-- {
		if !v.clusters[i].at.After(v.at) {
			return v.clusters[i], true
		}
	}
	return cluster{}, false
}
