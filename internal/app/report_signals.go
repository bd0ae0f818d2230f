package app

import "github.com/forewarm/forewarm/policy"

// The states of a reading in a report.
const (
	signalFresh   = "fresh"
	signalStale   = "stale"   // there was a value once; its age is shown
	signalUnknown = "unknown" // nothing was read
)

// signalReports lists every reading: the model's, then each pod's.
func signalReports(s policy.Signals) []SignalReport {
	out := []SignalReport{
		reading("arrivals", "", "req/s", s.Arrivals),
		reading("refused", "", "req/s", s.Refused),
		reading("gatewayQueue", "", "requests", s.GatewayQueue),
		reading("ttftP95", "", "s", s.TTFTP95),
		reading("itlP95", "", "s", s.ITLP95),
	}
	for _, p := range s.Pods {
		out = append(out,
			reading("pending", p.Name, "requests", p.Pending),
			reading("running", p.Name, "requests", p.Running),
			reading("kv", p.Name, "ratio", p.KV),
			reading("completions", p.Name, "req/s", p.Completions),
			reading("promptTokens", p.Name, "tok/s", p.PromptTokens),
			reading("cachedTokens", p.Name, "tok/s", p.CachedTokens),
			reading("outputTokens", p.Name, "tok/s", p.OutputTokens),
		)
	}
	return out
}

func reading(name, pod, unit string, r policy.Reading) SignalReport {
	out := SignalReport{Name: name, Pod: pod, Unit: unit, Value: known(r), Age: ageOf(r), State: signalUnknown}
	switch {
	case r.Known:
		out.State = signalFresh
	case r.Age > 0:
		out.State = signalStale
	}
	return out
}

// known is the value of a reading, nil if unknown.
func known(r policy.Reading) *float64 {
	if !r.Known {
		return nil
	}
	return ref(r.Value)
}

func ageOf(r policy.Reading) *float64 {
	if !r.Known && r.Age == 0 {
		return nil
	}
	return seconds(r.Age)
}

// pendingOf is what waits in engines and gateway; a lower bound if a pod is
// silent, which Partial and the faults show.
func pendingOf(s policy.Signals) *float64 {
	sum, _ := sumOf(s.Pods, func(p policy.Pod) policy.Reading { return p.Pending })
	if s.GatewayQueue.Known {
		if sum == nil {
			sum = ref(0.0)
		}
		*sum += s.GatewayQueue.Value
	}
	return sum
}

// sumOf adds the known readings of all pods and counts them; nil if there are none.
func sumOf(pods []policy.Pod, of func(policy.Pod) policy.Reading) (*float64, int) {
	sum, n := 0.0, 0
	for _, p := range pods {
		if r := of(p); r.Known {
			sum, n = sum+r.Value, n+1
		}
	}
	if n == 0 {
		return nil, 0
	}
	return &sum, n
}
