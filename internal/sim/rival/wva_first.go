package rival

import "github.com/forewarm/forewarm/internal/sim/fluid"

// llm-d's WVA with its first saturation analyzer (V1): workload-variant-autoscaler b08b1c7
// internal/saturation/analyzer.go. Every 60 s it looks at the highest KV-cache use and queue of each replica in the
// last minute. One variant; replicas are alike.
const (
	wvaSpareKV    = 0.1
	wvaSpareQueue = 3.0
)

type wvaFirst struct {
	threshold float64 // of KV-cache use; 0.80 as published
	kv, queue *highest
}

func newWVAFirst(threshold float64, _ *fluid.Course) fluid.Scaler {
	return &wvaFirst{threshold, newHighest(wvaTicks), newHighest(wvaTicks)}
}

// Decide implements fluid.Scaler. While what is wanted, what is there and what reports differ, nothing moves.
func (w *wvaFirst) Decide(o *fluid.Observation) int {
	e, n := o.Engines, float64(o.Engines.Pods)
	if e.Pods == 0 || o.Blind {
		return o.Spec
	}
	kv, queue := w.kv.add(e.KV), w.queue.add(e.Pending/n)
	if o.Tick%wvaTicks != 0 || o.Spec != o.Ready || o.Ready != e.Pods {
		return o.Spec
	}
	if kv >= w.threshold || queue >= wvaQueue { // all of them are saturated: nothing is spare
		return o.Spec + 1
	}
	enough := func(kv, queue float64) bool { return w.threshold-kv >= wvaSpareKV && wvaQueue-queue >= wvaSpareQueue }
	switch {
	case !enough(kv, queue):
		return o.Spec + 1
	case e.Pods >= 2 && enough(kv*n/(n-1), queue*n/(n-1)):
		return o.Spec - 1
	}
	return o.Spec
}
