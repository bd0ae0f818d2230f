package fluid

import "github.com/forewarm/forewarm/internal/sim"

// incumbentTarget is what the incumbent aims at, as a share of a replica's capacity: the usual 70 %.
const incumbentTarget = 0.7

// incumbent leads a Learner's fleet through the burn-in: a HorizontalPodAutoscaler on requests per second, with
// the controller's defaults.
type incumbent struct{ rule *sim.Reactive }

func newIncumbent(w World) incumbent {
	return incumbent{sim.NewReactive(incumbentTarget*w.Replica.Rate, max(w.Min, 1), productLimit)}
}

// Decide implements Scaler.
func (i incumbent) Decide(o *Observation) int {
	if !o.Known || o.Spec == 0 {
		return max(o.Spec, 1)
	}
	return i.rule.Sync(o.Now, o.Spec, o.Spec, o.Rate)
}
