package policy

import "time"

// podlessAfter is how long replicas must have been asked for without so much as a
// pod before they count as refused: a controller that may make pods does so within
// seconds, and tries again in vain where a quota or an admission rule forbids it.
const podlessAfter = time.Minute

// Podless is since when a variant has had fewer pods than it was asked for, and how
// many were lacking all that time. The zero value lacks none.
type Podless struct {
	Since time.Time `json:"since"`
	Least int       `json:"least"`
}

// observe looks at one moment. Replicas that are unknown, or taken from the pods there are, end nothing and begin nothing.
func (p Podless) observe(now time.Time, s Supply) Podless {
	lacking := s.Spec - s.Ready - s.Starting
	switch {
	case !s.Known || s.Assumed:
		return p
	case lacking <= 0:
		return Podless{}
	case p.Since.IsZero():
		return Podless{now, lacking}
	}
	return Podless{p.Since, min(p.Least, lacking)}
}

// Starved is how many replicas of variant i were asked for and cannot be expected
// to serve: pods that no node has accepted for long, and replicas that were never
// given a pod.
func Starved(l Learned, in Input, i int) int {
	homeless, podless := starved(&l, &in, i)
	return homeless + podless
}

// starved is Starved of the draft.
func (d *draft) starved(i int) int {
	homeless, podless := starved(&d.l, &d.in, i)
	return homeless + podless
}

func starved(l *Learned, in *Input, i int) (homeless, podless int) {
	s := supplyOf(in, i)
	p := &l.variant(i).Podless
	if !p.Since.IsZero() && in.Now.Sub(p.Since) >= podlessAfter {
		podless = min(p.Least, max(s.Spec-s.Ready-s.Starting, 0)) // the newest look may end it
	}
	return s.Starved, podless
}

// ruleStarved says what the cluster does not give. It moves nothing: that such
// replicas carry no work, and that no more are asked for where there are some, is
// for the rules that grow.
func ruleStarved(d *draft) {
	for i := range d.m.Variants {
		homeless, podless := starved(&d.l, &d.in, i)
		asked := float64(supplyOf(&d.in, i).Spec)
		if homeless > 0 {
			d.variantStep(i, "starved-node", d.counts[i], [4]float64{float64(homeless), asked})
		}
		if podless > 0 {
			since := d.in.Now.Sub(d.l.variant(i).Podless.Since)
			d.variantStep(i, "starved-pod", d.counts[i], [4]float64{float64(podless), asked, since.Seconds()})
		}
	}
}
