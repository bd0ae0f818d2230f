package rival

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// Knative's KPA: knative/serving pkg/autoscaler/scaling/autoscaler.go, config/core/configmaps/autoscaler.yaml.
// It ticks every 2 s with a panic window of 6 s; here the panic window is one tick and the rule runs once per
// tick, so halving takes a tick where it takes 2 s (or as long as pods take to stop) in the original.
const (
	kpaTarget    = 0.7 // of capacity
	kpaStable    = time.Minute
	kpaUpRate    = 1000.0
	kpaDownRate  = 2.0
	kpaThreshold = 2.0
)

type kpa struct {
	target float64
	stable *recent
	window time.Duration

	panicking bool
	since     time.Time // newest moment over the panic threshold
	held      int       // most replicas wanted in this panic
}

func newKPA(share float64, c *fluid.Course) fluid.Scaler {
	return &kpa{
		target: share * c.World().Replica.Rate, window: kpaStable,
		stable: newRecent(int(kpaStable / c.Load().Step)),
	}
}

// Decide implements fluid.Scaler, in the order of the original. Metrics come from Knative's own proxies, so
// they are the exact rates of finished ticks.
func (p *kpa) Decide(o *fluid.Observation) int {
	if o.Tick == 0 && o.Ready > 1 {
		p.panicking, p.since, p.held = true, o.Now, o.Ready // a new autoscaler holds what it finds
	}
	if o.Tick == 0 {
		return o.Spec // no tick has finished
	}
	p.stable.add(o.Recent)
	ready := math.Max(1, float64(o.Ready))
	most, least := math.Ceil(kpaUpRate*ready), math.Floor(ready/kpaDownRate)
	burst := math.Ceil(o.Recent / p.target)
	want := int(min(max(math.Ceil(p.stable.mean()/p.target), least), most))

	switch over := burst/ready >= kpaThreshold; {
	case over:
		p.panicking, p.since = true, o.Now
	case p.panicking && o.Now.Sub(p.since) > p.window:
		p.panicking, p.held = false, 0
	}
	if !p.panicking {
		return want
	}
	p.held = max(p.held, want, int(min(max(burst, least), most)))
	return p.held
}
