package rival

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// KEDA hands its metric to an HPA without spec.behavior: kedacore/keda v2.21 pkg/scalers/prometheus_scaler.go,
// pkg/scaling/executor. Type AverageValue, threshold per replica. A query without a result is 0 (ignoreNullValues is
// true by default). Its maxReplicaCount is 100 by default; here it has the limit of the HPA, see hpaMost, so that
// what differs is the rule.
//
// A threshold on waiting requests alone has no resting point: an empty queue asks for the minimum, what then queues
// asks for many times the need, and both come a warm-up late. It swings at constant demand, in this world and in the
// request-level one (TestAQueueThresholdSwings in package world). That is the rule as many publish it; "tuned" has
// the behavior that operators who run it arrive at, and "queue and KV" the second trigger that guides add.
const (
	// kedaQueue waiting requests per replica is the threshold of the vLLM production-stack's
	// helm/templates/scaledobject-vllm.yaml.
	kedaQueue = 5
	// kedaKV is a usual threshold on vLLM's KV-cache use, and WVA's saturation threshold.
	kedaKV = 0.8
	// kedaSlow and kedaEvery are the behavior that Cartesia publishes for self-hosted inference
	// (docs.cartesia.ai/self-hosted/auto-scaling): 15 min of stabilisation, then one pod a minute. The way up is the
	// default of a behavior.
	kedaSlow  = 15 * time.Minute
	kedaEvery = time.Minute
	// cronLead is how long before the busy hours the cron trigger (pkg/scalers/cron_scaler.go) is set to
	// start, for a fleet that takes minutes to warm up.
	cronLead = 10 * time.Minute
)

// pending sums the queues of all replicas; the production-stack's trigger lacks the sum and would fail as
// soon as two pods report, so this is the rule as intended.
func pending(o *fluid.Observation) (float64, bool) { return nullIsZero(o, o.Engines.Pending) }

// kvUse sums KV-cache use over the replicas that report it.
func kvUse(o *fluid.Observation) (float64, bool) {
	return nullIsZero(o, o.Engines.KV*float64(o.Engines.Pods))
}

// nullIsZero is what KEDA makes of a query: nothing scraped, and nobody to scrape, are zero. Before the first
// scrape there is no trigger yet.
func nullIsZero(o *fluid.Observation, v float64) (float64, bool) {
	if o.Blind {
		v = 0
	}
	return v, o.Tick > 0
}

func kedaOnQueue(threshold float64, c *fluid.Course) fluid.Scaler {
	return newHPA(threshold, pending).limited(c)
}

func kedaOnKV(threshold float64, c *fluid.Course) fluid.Scaler {
	return newHPA(threshold, kvUse).limited(c)
}

// kedaTuned is the queue with a slow descent, and the peak's replicas as maxReplicaCount, known beforehand.
func kedaTuned(threshold float64, c *fluid.Course) fluid.Scaler {
	h := newHPA(threshold, pending).behaving(func(b *sim.Behavior) {
		b.Down.Window, b.Down.Policies = kedaSlow, []sim.Allowance{{Pods: 1, Period: kedaEvery}}
	})
	h.rule.Max = replicas(c.Load().Peak(0), c.World().Replica.Rate)
	return h
}

// kedaOnBoth has a trigger on the queue, at its usual threshold, and one on KV-cache use: the HPA takes the larger
// count.
func kedaOnBoth(threshold float64, c *fluid.Course) fluid.Scaler {
	return newHPA(1, func(o *fluid.Observation) (float64, bool) {
		queue, ok := pending(o)
		kv, _ := kvUse(o)
		return max(queue/kedaQueue, kv/threshold), ok
	}).limited(c)
}

// withCron adds a cron trigger: the HPA takes the larger of the two metrics. The schedule is one block of
// hours a day, what an operator reads off a dashboard: see busyHours.
func withCron(of build) build {
	return func(threshold float64, c *fluid.Course) fluid.Scaler {
		h, plan := of(threshold, c).(*hpa), busyHours(c)
		metric := h.value
		h.value = func(o *fluid.Observation) (float64, bool) {
			v, ok := metric(o)
			return max(v, plan.replicas(o.Now)*threshold), ok
		}
		return h
	}
}

// schedule is a block of hours of the day with a number of replicas.
type schedule struct {
	from, length int // hours
	count        float64
}

// replicas is what the schedule asks for at a moment; cronLead before the block it already does.
func (s schedule) replicas(at time.Time) float64 {
	hour := at.UTC().Add(cronLead).Hour()
	if (hour-s.from+24)%24 < s.length {
		return s.count
	}
	return 0
}

// busyHours is the schedule from the burn-in: of all blocks of hours of the day the one with the largest sum
// of what its hourly means exceed the daily mean by; its replicas carry the mean of the block. A world without
// burn-in has no schedule.
func busyHours(c *fluid.Course) schedule {
	w, l := c.World(), c.Load()
	var sum, n [24]float64
	for k, rate := range l.Rate[:min(w.BurnIn, len(l.Rate))] {
		hour := w.Begin.Add(time.Duration(k) * l.Step).Hour()
		sum[hour], n[hour] = sum[hour]+rate, n[hour]+1
	}
	mean := 0.0
	for h := range sum {
		if n[h] == 0 {
			return schedule{}
		}
		sum[h] /= n[h]
		mean += sum[h] / 24
	}
	best, plan := 0.0, schedule{}
	for from := range sum {
		gain, total := 0.0, 0.0
		for length := 1; length < 24; length++ {
			v := sum[(from+length-1)%24]
			gain, total = gain+v-mean, total+v
			if gain > best {
				best, plan = gain, schedule{from, length, math.Ceil(total / float64(length) / w.Replica.Rate)}
			}
		}
	}
	return plan
}
