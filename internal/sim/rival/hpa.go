package rival

import (
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// The HorizontalPodAutoscaler: kubernetes v1.37 pkg/controller/podautoscaler/{horizontal,replica_calculator}.go
// and its defaults in pkg/apis/autoscaling. Tolerance 10 %, largest recommendation of the last 300 s, at most
// max(2n, 4) replicas per sync are those of sim.NewReactive; the sync period is the tick. A window of one's own is
// spec.behavior, and with any of that the controller works as sim.Behavior says: at most max(2n, n+4).
const (
	// hpaTunedWindow is what tuning the down window for LLM replicas arrives at in our sweeps of 5 to 60 min.
	hpaTunedWindow = 30 * time.Minute
	// hpaUnlimited is a maxReplicas that never binds; the world has its own limit.
	hpaUnlimited = 1 << 20
	// hpaMost is maxReplicas as a multiple of what the peak needs, known beforehand. The API wants one; this one never
	// binds an HPA on requests/s, whose lowest target is 0.4 of capacity, and keeps a rule that runs away in bounds.
	hpaMost = 3
)

// hpa scales on one External metric of type AverageValue: ceil(value/target), the same whether replicas are
// ready or still starting.
type hpa struct {
	rule  *sim.Reactive
	value func(o *fluid.Observation) (float64, bool)
}

func newHPA(target float64, value func(o *fluid.Observation) (float64, bool)) *hpa {
	return &hpa{rule: sim.NewReactive(target, 1, hpaUnlimited), value: value}
}

// limited is the HPA with the maxReplicas that HPAs and KEDA have alike; without a course there is none.
func (h *hpa) limited(c *fluid.Course) *hpa {
	if c != nil {
		h.rule.Max = max(hpaMost*replicas(c.Load().Peak(0), c.World().Replica.Rate), 1)
	}
	return h
}

// behaving is the HPA with a spec.behavior, the defaults and what changes of them.
func (h *hpa) behaving(change func(b *sim.Behavior)) *hpa {
	b := sim.DefaultBehavior()
	change(&b)
	h.rule.Behavior = &b
	return h
}

// Decide implements fluid.Scaler. Without a metric the HPA holds.
func (h *hpa) Decide(o *fluid.Observation) int {
	v, ok := h.value(o)
	if !ok {
		return o.Spec
	}
	return h.rule.Sync(o.Now, o.Spec, o.Spec, v)
}

func arrivals(o *fluid.Observation) (float64, bool) { return o.Rate, o.Known }

// hpaShipped scales on requests per second per replica; the headroom is the target as a share of capacity.
func hpaShipped(share float64, c *fluid.Course) fluid.Scaler {
	return newHPA(share*c.World().Replica.Rate, arrivals).limited(c)
}

// hpaTuned is the same with a longer window before it shrinks.
func hpaTuned(share float64, c *fluid.Course) fluid.Scaler {
	return newHPA(share*c.World().Replica.Rate, arrivals).limited(c).
		behaving(func(b *sim.Behavior) { b.Down.Window = hpaTunedWindow })
}
