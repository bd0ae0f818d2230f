package rival

import (
	"fmt"
	"strings"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// What the headrooms mean.
const (
	ofCapacity = "target utilisation: replicas are wanted for load/(headroom x capacity)"
	waitingPer = "waiting requests per replica"
	kvPer      = "KV-cache use per replica"
	ofPeak     = "share of the course's peak"
	ofMean     = "multiple of the course's mean"
)

// The grids, fluid.GridSize values each.
var (
	utilisation = []float64{0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 1.00}
	queues      = []float64{1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 250, 500, 1000}
	kvTargets   = []float64{0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90}
	multiples   = []float64{0.8, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2, 2.5, 3, 4, 6}
)

// Table is every rival, in the order in which they are shown.
func Table() []fluid.Policy {
	return []fluid.Policy{
		row("hpa", "HPA on requests/s, 300 s down window", ofCapacity, utilisation, 0.7, hpaShipped),
		row("hpa-tuned", "HPA on requests/s, 30 min down window", ofCapacity, utilisation, 0.85, hpaTuned),
		row("keda-queue", "KEDA on waiting requests", waitingPer, queues, kedaQueue, kedaOnQueue),
		row("keda-queue-cron", "the same with cron pre-warm", waitingPer, queues, kedaQueue, withCron(kedaOnQueue)),
		row("keda-kv", "KEDA on KV-cache use", kvPer, kvTargets, kedaKV, kedaOnKV),
		row("keda-kv-cron", "the same with cron pre-warm", kvPer, kvTargets, kedaKV, withCron(kedaOnKV)),
		row("keda-queue-tuned", "KEDA on waiting requests, slow down, peak as limit", waitingPer, queues, kedaQueue, kedaTuned),
		row("keda-queue-kv", "KEDA on waiting requests (5) and KV-cache use", kvPer, kvTargets, kedaKV, kedaOnBoth),
		row("kpa", "Knative KPA on requests/s", ofCapacity, utilisation, kpaTarget, newKPA),
		row("wva", "llm-d WVA, saturation analyzer V2, its count taken directly", ofCapacity, utilisation, wvaUp, newWVA),
		row("wva-hpa", "the same through the HPA of its chart", ofCapacity, utilisation, wvaUp, newWVABehindHPA),
		row("wva-v1", "llm-d WVA, saturation analyzer V1", kvPer, kvTargets, wvaSaturated, newWVAFirst),
		row("aibrix-apa-coded", "AIBrix APA on KV-cache use, as coded", kvPer, kvTargets, aibrixTarget, aibrixAPA(false)),
		row("aibrix-apa", "AIBrix APA on KV-cache use, as intended", kvPer, kvTargets, aibrixTarget, aibrixAPA(true)),
		row("aibrix-kpa-coded", "AIBrix KPA on KV-cache use, as coded", kvPer, kvTargets, aibrixTarget, aibrixKPA(false)),
		row("aibrix-kpa", "AIBrix KPA on KV-cache use, as intended", kvPer, kvTargets, aibrixTarget, aibrixKPA(true)),
		row("aibrix-optimizer-coded", "AIBrix GPU optimizer, as coded", ofCapacity, utilisation, 1, aibrixGPUs(false)),
		row("aibrix-optimizer", "AIBrix GPU optimizer, as intended", ofCapacity, utilisation, 1, aibrixGPUs(true)),
		row("dynamo-constant", "Dynamo throughput loop, last value", ofCapacity, utilisation, 1, dynamoConstant),
		row("dynamo-kalman", "Dynamo throughput loop, Kalman", ofCapacity, utilisation, 1, dynamoKalman),
		row("dynamo-arima", "Dynamo throughput loop, autoregression for ARIMA", ofCapacity, utilisation, 1, dynamoARIMA),
		row("dynamo", "Dynamo load loop over the throughput floor of dynamo-arima", ofCapacity, utilisation, 1, newLoops),
		row("phpa-linear", "Predictive HPA, line 10 s ahead as shipped", ofCapacity, utilisation, 0.8, phpaShipped),
		row("phpa-linear-ahead", "the same one warm-up ahead, as intended", ofCapacity, utilisation, 0.8, phpaIntended),
		row("phpa-winters", "Predictive HPA, Holt-Winters as shipped", ofCapacity, utilisation, 0.8, phpaWinters),
		shared("crane", "Crane EHPA, an hour ahead", 0.8, craneShipped),
		shared("crane-ahead", "the same a warm-up and two minutes ahead", 0.8, craneAhead),
		row("moving-max", "highest rate of the last 30 min", ofCapacity, utilisation, 0.9, newMovingMax),
		row("static-peak", "a fixed fleet for the peak", ofPeak, utilisation, 1, newStaticPeak),
		row("always", "a fixed fleet", ofMean, multiples, 1, newAlways),
	}
}

// build makes one rival for one run.
type build func(headroom float64, c *fluid.Course) fluid.Scaler

func row(name, doc, headroom string, grid []float64, usual float64, b build) fluid.Policy {
	return fluid.Policy{
		Name: name, Doc: doc, Headroom: headroom, Grid: grid, Default: usual,
		On: func(c *fluid.Course) func(float64) fluid.Scaler {
			return func(h float64) fluid.Scaler { return b(h, c) }
		},
	}
}

// shared is a rival on utilisation whose runs share what they know of a course.
func shared(name, doc string, usual float64, on func(*fluid.Course) func(float64) fluid.Scaler) fluid.Policy {
	return fluid.Policy{Name: name, Doc: doc, Headroom: ofCapacity, Grid: utilisation, Default: usual, On: on}
}

// New makes one rival for one run.
func New(name string, headroom float64, c *fluid.Course) (fluid.Scaler, error) {
	names := make([]string, 0, len(Table()))
	for _, p := range Table() {
		if p.Name == name {
			return p.On(c)(headroom), nil
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("rival %q: want one of %s", name, strings.Join(names, ", "))
}
