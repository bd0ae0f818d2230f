package scaler

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/forewarm/forewarm/policy"
)

// signal is a raw signal that a trigger asks for: of the whole model, or of the
// trigger's variant if there are several, so that AverageValue divides it by the
// replicas that carry it. What no variant has for itself, arrivals and what waits in
// front of all of them, is shared by ready replicas.
type signal struct {
	view   *policy.ModelView
	t      Trigger
	now    time.Time
	maxAge time.Duration
}

// value is the sum. A silent or old part would make it too low, which is no answer.
func (s signal) value() (float64, error) {
	sum, why := 0.0, ""
	if s.t.Metric == RPS {
		sum, why = s.arrivals()
	} else {
		sum, why = s.summed()
	}
	if why == "" && s.view.Input.Signals.Partial {
		why = "part of the data is missing"
	}
	if why == "" && (math.IsNaN(sum) || math.IsInf(sum, 0) || sum < 0) {
		why = fmt.Sprintf("%g is no value", sum)
	}
	if why != "" {
		return 0, status.Errorf(codes.Unavailable, "%s of model %s: %s", s.t.Metric, s.view.Model.ID, why)
	}
	return sum, nil
}

// of says whether what is of a variant counts.
func (s signal) of(variant string) bool {
	return s.t.Variant == "" || len(s.view.Model.Variants) < 2 || variant == s.t.Variant
}

// old says that a reading is too old to scale on by now, and how old; "" if it is not.
func (s signal) old(r policy.Reading) string {
	if age := r.Age + s.now.Sub(s.view.Input.Now); age > s.maxAge {
		return fmt.Sprintf("%s old, which is more than %s", age.Round(time.Second), s.maxAge)
	}
	return ""
}

func (s signal) arrivals() (sum float64, why string) {
	r := s.view.Input.Signals.Arrivals
	if !r.Known {
		return 0, "arrivals are not known"
	}
	if old := s.old(r); old != "" {
		return 0, "arrivals are " + old
	}
	share, why := s.share()
	return r.Value * share, why
}

// share is the part of the ready replicas that is the variant's; all while none is
// ready, since whoever comes first will carry it.
func (s signal) share() (part float64, why string) {
	own, all := 0, 0
	for _, v := range s.view.Input.Supply {
		if s.of(v.Variant) {
			own += v.Ready
		}
		if all += v.Ready; !v.Known && len(s.view.Model.Variants) > 1 {
			return 0, "replicas of " + v.Variant + " are not known"
		}
	}
	if own == all {
		return 1, ""
	}
	return float64(own) / float64(all), ""
}

// summed adds up what the pods say, and for Pending what waits in front of them.
func (s signal) summed() (sum float64, why string) {
	heard, ready := 0, 0
	for _, p := range s.view.Input.Signals.Pods {
		if !s.of(p.Variant) {
			continue
		}
		r := map[Metric]policy.Reading{Pending: p.Pending, Running: p.Running, KV: p.KV}[s.t.Metric]
		if !r.Known {
			return 0, "pod " + p.Name + " does not tell"
		}
		if old := s.old(r); old != "" {
			return 0, "what pod " + p.Name + " told is " + old
		}
		sum, heard = sum+r.Value, heard+1
	}
	for _, v := range s.view.Input.Supply {
		if !s.of(v.Variant) {
			continue
		}
		if !v.Known {
			return 0, "replicas of " + v.Variant + " are not known"
		}
		ready += v.Ready
	}
	if heard < ready {
		return 0, fmt.Sprintf("%d of %d pods are heard", heard, ready)
	}
	if s.t.Metric != Pending || !s.view.Model.Gateway {
		return sum, ""
	}
	queue, why := s.queue(heard)
	return sum + queue, why
}

// queue is what waits at the gateway, if that tells, which it must where no pod is.
func (s signal) queue(heard int) (waiting float64, why string) {
	q := s.view.Input.Signals.GatewayQueue
	if !q.Known {
		if heard == 0 {
			return 0, "no pod is there, and the gateway does not tell"
		}
		return 0, ""
	}
	if old := s.old(q); old != "" {
		return 0, "the gateway's queue is " + old
	}
	share, why := s.share()
	return q.Value * share, why
}
