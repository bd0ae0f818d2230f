package signals

import (
	"fmt"
	"slices"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// podLife is what is remembered of one pod beyond the window.
type podLife struct {
	readyAt  time.Time // earliest readiness seen
	reported time.Time // the moment at which its warm-up was handed out
	seen     time.Time
	unfit    bool // restarted before it was ready, or older than the window
}

// podLives follow pods from creation to their first readiness. kube-state-metrics
// gives the last transition, which moves when a pod flaps, so the earliest one
// seen counts; pods that were there before we looked, and pods that restarted on
// the way, teach nothing.
type podLives struct {
	since time.Time // created earlier: readiness may have been missed
	last  time.Time
	pods  map[podKey]*podLife
}

func newPodLives() *podLives { return &podLives{pods: map[podKey]*podLife{}} }

// observe updates the lives to a moment. Moments come in ascending order; going
// back forgets.
func (l *podLives) observe(c *ksmView) {
	if c.at.Before(l.last) {
		l.pods = map[podKey]*podLife{}
	}
	l.last = c.at
	for ns, pods := range c.pods {
		for _, p := range pods {
			k := podKey{objectKey{ns, p.name}, p.uid}
			one := l.pods[k]
			if one == nil {
				one = &podLife{unfit: p.created.IsZero() || p.created.Before(l.since)}
				l.pods[k] = one
			}
			one.follow(p, c.at)
		}
	}
	for k, one := range l.pods {
		if c.at.Sub(one.seen) > time.Hour {
			delete(l.pods, k)
		}
	}
}

func (o *podLife) follow(p *ksmPod, at time.Time) {
	o.seen = at
	if o.readyAt.IsZero() && p.restarts > 0 {
		o.unfit = true
	}
	if !p.ready {
		return
	}
	t := p.readyAt
	if t.IsZero() {
		t = at // this exporter does not tell; right to a scrape
	}
	if o.readyAt.IsZero() || t.Before(o.readyAt) {
		o.readyAt = t
	}
}

// warmUp hands out a completed warm-up once; asking again for the same moment
// gives the same answer.
func (o *podLife) warmUp(p *ksmPod, at time.Time) (time.Duration, bool) {
	if o == nil || o.unfit || o.readyAt.IsZero() {
		return 0, false
	}
	if !o.reported.IsZero() && !o.reported.Equal(at) {
		return 0, false
	}
	took := o.readyAt.Sub(p.created)
	if took <= 0 || took > 24*time.Hour {
		o.unfit = true
		return 0, false
	}
	o.reported = at
	return took, true
}

// supply is the variants' replicas from kube-state-metrics, with the names of
// the pods that should be answering.
func (c *ksmView) supply(b Binding, l *podLives, opt Options) ([]policy.Supply, []string, []policy.Fault) {
	ns := b.Model.Namespace
	age := c.at.Sub(c.newest[ns])
	out := make([]policy.Supply, len(b.Variants))
	expected := []string{} // known, even if empty
	var faults []policy.Fault
	if age > opt.MaxAge {
		for i, v := range b.Variants {
			out[i] = policy.Supply{Variant: v.Name, Age: age}
		}
		return out, nil, []policy.Fault{{
			Code: FaultSupplyStale, Signal: "supply", Object: ns,
			Text: fmt.Sprintf("kube-state-metrics last told of namespace %s %s ago; check its target", ns, age),
		}}
	}
	unnamed := false // replicas are ready, but which pods they are is not told
	byVariant := map[string][]*ksmPod{}
	for _, p := range c.pods[ns] {
		if v := c.variantOf(ns, p, b.Variants); v != "" {
			byVariant[v] = append(byVariant[v], p)
		}
	}
	for i, v := range b.Variants {
		pods := byVariant[v.Name]
		s, fault := c.variantSupply(ns, v, pods)
		s.Age = age
		if fault != nil {
			faults = append(faults, *fault)
		}
		s.count(ns, pods, l, c.at, opt)
		out[i] = s.Supply
		expected = append(expected, s.expected...)
		unnamed = unnamed || (!s.podsTell && (s.Ready > 0 || !s.Known))
	}
	if unnamed {
		return out, nil, faults
	}
	slices.Sort(expected)
	return out, expected, faults
}

// counted is a supply in the making.
type counted struct {
	policy.Supply
	expected []string
	podsTell bool // pods are known, so readiness is counted rather than read
}

// variantSupply reads what is asked of the target; kinds without a replica
// series are as large as their pods.
func (c *ksmView) variantSupply(ns string, v VariantBinding, pods []*ksmPod) (counted, *policy.Fault) {
	s := counted{Supply: policy.Supply{Variant: v.Name}, podsTell: tellsReady(pods)}
	var of ksmScale
	switch v.Kind {
	case kindDeployment:
		of = c.deploys[objectKey{ns, v.Target}]
	case kindStateful, kindLWS:
		of = c.stateful[objectKey{ns, v.Target}]
	}
	switch {
	case of.hasSpec && !of.hasReady && !s.podsTell && of.spec > 0:
		s.Spec = int(of.spec)
		return s, &policy.Fault{
			Code: FaultSupplyUnknown, Signal: "supply", Object: v.Target,
			Text: fmt.Sprintf("kube-state-metrics does not tell how many replicas of %s %s/%s are ready;"+
				" allow its %s and %s", v.Kind, ns, v.Target, ksmDeployReady, ksmPodReady),
		}
	case of.hasSpec:
		s.Known, s.Spec, s.Ready = true, int(of.spec), int(of.ready)
		return s, nil
	case s.podsTell:
		s.Known, s.Assumed, s.Spec = true, true, len(pods)
		return s, &policy.Fault{
			Code: FaultSupplyAssumed, Signal: "supply", Object: v.Target,
			Text: fmt.Sprintf("kube-state-metrics has no replica count for %s %s/%s; its %d pods are taken for it",
				v.Kind, ns, v.Target, len(pods)),
		}
	}
	return s, &policy.Fault{
		Code: FaultTargetUnseen, Signal: "supply", Object: v.Target,
		Text: fmt.Sprintf("kube-state-metrics shows no %s %s/%s; check the variant's target", v.Kind, ns, v.Target),
	}
}

// tellsReady says whether readiness is exported for pods; an allow-list may have
// dropped it, which does not make them unready.
func tellsReady(pods []*ksmPod) bool {
	return slices.ContainsFunc(pods, func(p *ksmPod) bool { return p.told })
}

// count sorts pods into ready, starting and starved. A pod that was ready before
// and is not now is starting, but its age says nothing about warm-up.
func (s *counted) count(ns string, pods []*ksmPod, l *podLives, at time.Time, opt Options) {
	if !s.Known {
		return
	}
	if !s.podsTell {
		s.Starting = max(s.Spec-s.Ready, 0)
		return
	}
	s.Ready = 0
	for _, p := range pods {
		one := l.pods[podKey{objectKey{ns, p.name}, p.uid}]
		if took, ok := one.warmUp(p, at); ok {
			if p.scheduled.Sub(p.created) >= policy.NodeWait {
				s.NewNodes = append(s.NewNodes, took)
			} else {
				s.WarmUps = append(s.WarmUps, took)
			}
		}
		switch {
		case p.leaving:
		case p.ready:
			s.Ready++
			s.expected = append(s.expected, p.name)
		default:
			s.Starting++
			s.starting(p, one, at, opt)
		}
	}
	slices.SortFunc(s.Ages, func(a, b time.Duration) int { return int(min(max(b-a, -1), 1)) })
}

func (s *counted) starting(p *ksmPod, one *podLife, at time.Time, opt Options) {
	if p.created.IsZero() || (one != nil && !one.readyAt.IsZero()) {
		return
	}
	age := max(at.Sub(p.created), 0)
	s.Ages = append(s.Ages, age)
	if !p.scheduled.IsZero() {
		return
	}
	s.Homeless++
	if age > opt.StarvedAfter {
		s.Starved++
	}
}
