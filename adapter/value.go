package adapter

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/forewarm/forewarm/policy"
)

// scope is what an object or a selector stands for: a model, or one variant of it.
type scope struct {
	model   *served
	variant int // index; -1 = the whole model
}

func (sc scope) whole() bool { return sc.variant < 0 || len(sc.model.variants) == 1 }

func (sc scope) covers(p *policy.Pod) bool {
	return sc.variant < 0 || p.Variant == sc.model.view.Model.Variants[sc.variant].Name
}

// String names the scope in messages.
func (sc scope) String() string {
	if sc.variant < 0 {
		return sc.model.view.Model.ID.String()
	}
	return sc.model.view.Model.ID.String() + "/" + sc.model.view.Model.Variants[sc.variant].Name
}

// value is a number and when it was true: that of its oldest part.
type value struct {
	v  float64
	at time.Time
}

// judge holds what makes a reading servable.
type judge struct {
	now     time.Time
	maxAge  time.Duration
	holdFor time.Duration
	window  time.Duration
}

// reading is a reading of an input as a value; why says what is wrong with it.
func (j judge) reading(r policy.Reading, in *policy.Input) (value, string) {
	at := in.Now.Add(-r.Age)
	switch age := j.now.Sub(at); {
	case !r.Known:
		return value{}, "unknown"
	case age > j.maxAge:
		return value{}, fmt.Sprintf("%s old, which is more than %s", age.Round(time.Second), j.maxAge)
	case !sane(r.Value):
		return value{}, "not a number that can be served"
	}
	return value{r.Value, at}, ""
}

// fresh is the reading of one pod: the hot path, without words. stale says that
// it was known once.
func (j judge) fresh(r policy.Reading, in *policy.Input) (v value, ok, stale bool) {
	if !r.Known {
		return value{}, false, false
	}
	at := in.Now.Add(-r.Age)
	if j.now.Sub(at) > j.maxAge {
		return value{}, false, true
	}
	return value{r.Value, at}, sane(r.Value), false
}

// signal is a metric of a scope, or why there is none. While part of a model's data is missing, the rest is a lower
// bound, on which an autoscaler would scale down.
func (j judge) signal(m *metric, sc scope) (value, error) {
	in := &sc.model.view.Input
	if in.Signals.Partial {
		return value{}, fmt.Errorf("%s of %s: part of the data is missing, so that what is there may be too low",
			m.name, sc.model.view.Model.ID)
	}
	if m.model != nil && (m.pod == nil || sc.whole()) {
		v, why := j.reading(m.model(&in.Signals), in)
		if why != "" {
			return value{}, fmt.Errorf("%s of %s: %s", m.name, sc.model.view.Model.ID, why)
		}
		return v, nil
	}
	v, pods, err := j.pods(m, sc)
	switch {
	case err != nil || !m.queue || !sc.whole():
		return v, err
	case sc.model.view.Model.Gateway:
		return j.queued(m, sc, v, pods)
	case pods == 0:
		return value{}, fmt.Errorf("%s of %s: no replica is ready, and no gateway tells of a queue", m.name, sc)
	}
	return v, nil
}

// queued adds what a gateway holds. A gateway that has no queue to tell of leaves it
// at the pods', as long as there are any.
func (j judge) queued(m *metric, sc scope, v value, pods int) (value, error) {
	in := &sc.model.view.Input
	q, why := j.reading(in.Signals.GatewayQueue, in)
	switch {
	case why == "":
		return value{v.v + q.v, older(v.at, q.at)}, nil
	case pods > 0 && !in.Signals.GatewayQueue.Known && !queueFault(in.Faults):
		return v, nil
	}
	return value{}, fmt.Errorf("%s of %s: the gateway's queue is %s", m.name, sc, why)
}

// queueFault says whether a queue that should be known is not.
func queueFault(faults []policy.Fault) bool {
	for _, f := range faults {
		if f.Signal == "queue" || f.Code == "gateway-absent" || f.Code == "gateway-unscoped" || f.Code == "gateway-unknown" {
			return true
		}
	}
	return false
}

// pods folds what the pods of a scope report, and counts them. What one of them
// does not tell, nobody knows: the sum would be too low.
func (j judge) pods(m *metric, sc scope) (value, int, error) {
	in := &sc.model.view.Input
	heard := 0
	out := value{at: j.now}
	for i := range in.Signals.Pods {
		p := &in.Signals.Pods[i]
		if !sc.covers(p) {
			continue
		}
		v, why := j.reading(m.pod(p), in)
		if why != "" {
			return value{}, 0, fmt.Errorf("%s of %s: pod %s is %s", m.name, sc, p.Name, why)
		}
		heard, out.v, out.at = heard+1, out.v+v.v, older(out.at, v.at)
	}
	ready, at, known := sc.supply(in)
	if known && heard < ready {
		return value{}, 0, fmt.Errorf("%s of %s: %d of %d ready replicas report", m.name, sc, heard, ready)
	}
	if heard == 0 {
		if !known || j.now.Sub(at) > j.maxAge {
			return value{}, 0, fmt.Errorf("%s of %s: no pod reports, and it is not known that none should", m.name, sc)
		}
		if m.pods == mean {
			return value{}, 0, fmt.Errorf("%s of %s: no replica is ready", m.name, sc)
		}
		return value{at: at}, 0, nil
	}
	if m.pods == mean {
		out.v /= float64(heard)
	}
	return out, heard, nil
}

// supply is the ready replicas of a scope, and when they were counted.
func (sc scope) supply(in *policy.Input) (ready int, at time.Time, known bool) {
	at = in.Now
	for i, s := range in.Supply {
		if sc.variant >= 0 && sc.variant != i {
			continue
		}
		if !s.Known {
			return 0, time.Time{}, false
		}
		ready, at = ready+s.Ready, older(at, in.Now.Add(-s.Age))
	}
	return ready, at, true
}

// desired is the decided replicas of a scope. A held decision is as old as what it
// rests on, and after a time it is none; but one that wakes what is seen at zero can only raise.
func (j judge) desired(sc scope) (value, error) {
	out := value{at: j.now}
	for i := range sc.model.variants {
		if sc.variant >= 0 && sc.variant != i {
			continue
		}
		d := sc.model.variants[i].decision
		switch {
		case d != nil && d.Wakes():
			out.v += float64(d.Replicas)
		case d == nil || d.Expired(j.now, j.holdFor):
			return value{}, fmt.Errorf("%s of %s: %s", Desired, scope{sc.model, i}, j.undecided(d))
		default:
			out.v, out.at = out.v+float64(d.Replicas), older(out.at, d.Good)
		}
	}
	return out, nil
}

func (j judge) undecided(d *policy.Decision) string {
	if d == nil || !d.Known || d.Good.IsZero() {
		return "there is no decision: nothing was ever known"
	}
	return fmt.Sprintf("inputs last allowed a decision %s ago, which is more than %s",
		j.now.Sub(d.Good).Round(time.Second), j.holdFor)
}

// of is any metric of a scope.
func (j judge) of(m *metric, sc scope) (value, error) {
	if m.name == Desired {
		return j.desired(sc)
	}
	return j.signal(m, sc)
}

// fold makes one value of several scopes'.
func (j judge) fold(m *metric, scopes []scope) (value, error) {
	out := value{at: j.now}
	for _, sc := range scopes {
		v, err := j.of(m, sc)
		if err != nil {
			return value{}, err
		}
		out.at = older(out.at, v.at)
		if m.pods == largest {
			out.v = max(out.v, v.v)
		} else {
			out.v += v.v
		}
	}
	if m.pods == mean {
		out.v /= float64(len(scopes))
	}
	return out, nil
}

func older(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// quantity is a value in thousandths, which is what an HPA reckons in.
func quantity(v float64) resource.Quantity {
	milli := int64(math.Round(v * 1000))
	if milli%1000 == 0 {
		return *resource.NewQuantity(milli/1000, resource.DecimalSI)
	}
	return *resource.NewMilliQuantity(milli, resource.DecimalSI)
}

// seconds is the window of a metric; nil for a moment.
func (j judge) seconds(m *metric) *int64 {
	if !m.over {
		return nil
	}
	s := int64(j.window.Seconds())
	return &s
}
