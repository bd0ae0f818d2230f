package rival

import (
	"math"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// NVIDIA Dynamo's planner: ai-dynamo/dynamo components/src/dynamo/planner, config/defaults.py (constants),
// core/load/predictors.py, core/throughput_scaling.py, core/load_scaling.py. Prefill and decode workers are
// one pool here, and what an engine carries at its SLA is the replica's rate. The default predictor is
// auto-ARIMA: see autoregress for what stands in for it; "constant" and "Kalman" are shipped options. Prophet, the
// fourth, is a Python and Stan library and is not here.
const (
	dynamoTicks = 12 // of the tick: throughput loop every 180 s
	dynamoLoads = 3  // load loop every 5 s: this many looks per tick
	dynamoDown  = 0.8
	// dynamoIdle is the part of the time between tokens at the replica's rate that an empty batch takes already: 15 of
	// about 30 ms in the request level's calibration.
	dynamoIdle   = 0.5
	kalmanLevel  = 1.0
	kalmanTrend  = 0.1
	kalmanNoise  = 10.0
	kalmanUnsure = 1000.0
)

// predictor foresees the requests of the next interval from those of the intervals so far.
type predictor interface {
	next(requests float64) float64
}

// lastValue is Dynamo's "constant".
type lastValue struct{}

func (lastValue) next(requests float64) float64 { return requests }

// kalman is a level with a trend, one step per interval; p is the covariance of the estimate.
type kalman struct {
	level, trend  float64
	p11, p12, p22 float64
	started       bool
}

func (k *kalman) next(z float64) float64 {
	if !k.started {
		k.level, k.p11, k.p22, k.started = z, kalmanUnsure, kalmanUnsure, true
	} else {
		gain := k.p11 + kalmanNoise
		g1, g2, miss := k.p11/gain, k.p12/gain, z-k.level
		k.level, k.trend = k.level+g1*miss, k.trend+g2*miss
		k.p11, k.p12, k.p22 = (1-g1)*k.p11, (1-g1)*k.p12, k.p22-g2*k.p12
	}
	k.level += k.trend
	k.p11, k.p12, k.p22 = k.p11+2*k.p12+k.p22+kalmanLevel, k.p12+k.p22, k.p22+kalmanTrend
	return k.level
}

// throughput is the slow loop: ceil(predicted rate / rate per replica), held until the next interval.
type throughput struct {
	per  float64 // requests/s per replica
	step float64 // seconds per tick
	by   predictor
	sum  float64
	want int
}

func newThroughput(share float64, c *fluid.Course, by predictor) *throughput {
	return &throughput{per: share * c.World().Replica.Rate, step: c.Load().Step.Seconds(), by: by}
}

// Decide implements fluid.Scaler.
func (d *throughput) Decide(o *fluid.Observation) int {
	if o.Tick > 0 {
		d.sum += o.Recent * d.step
	}
	if o.Tick > 0 && o.Tick%dynamoTicks == 0 {
		rate := d.by.next(d.sum) / (dynamoTicks * d.step)
		d.want, d.sum = max(int(math.Ceil(rate/d.per-1e-9)), 1), 0
	}
	if d.want == 0 {
		return o.Spec
	}
	return d.want
}

func dynamoConstant(share float64, c *fluid.Course) fluid.Scaler {
	return newThroughput(share, c, lastValue{})
}

func dynamoKalman(share float64, c *fluid.Course) fluid.Scaler {
	return newThroughput(share, c, &kalman{})
}

func dynamoARIMA(share float64, c *fluid.Course) fluid.Scaler {
	return newThroughput(share, c, newAutoregress())
}

// loops are both loops: the fast one moves by one replica, the slow one is its floor, which acts at once. The fast one
// estimates the time between tokens by a line through what is in flight (perf_model's regression: an intercept and a
// slope), which is at the SLA when a replica is at its rate.
type loops struct {
	floor *throughput
	full  float64 // in flight per replica at its rate
	sla   float64 // time between tokens, as a multiple of that at the rate
}

func newLoops(share float64, c *fluid.Course) fluid.Scaler {
	r := c.World().Replica
	d := &loops{floor: newThroughput(share, c, newAutoregress()), full: r.Rate * r.Service.Seconds()}
	d.sla = d.pace(share * d.full)
	return d
}

// pace is the time between tokens with so much in flight per replica.
func (d *loops) pace(inFlight float64) float64 { return dynamoIdle + (1-dynamoIdle)*inFlight/d.full }

// Decide implements fluid.Scaler.
func (d *loops) Decide(o *fluid.Observation) int {
	floor := d.floor.Decide(o)
	if len(o.Warming) > 0 || d.floor.want == 0 || o.Blind {
		return max(o.Spec, d.floor.want) // no new action of the fast loop while one is in progress, or in the dark
	}
	n, busy := o.Spec, o.Engines.Running+o.Engines.Pending
	if d.pace(busy/float64(max(n, 1))) > d.sla+1e-9 {
		return max(n+1, floor)
	}
	for range dynamoLoads {
		if n > 1 && d.pace(busy/float64(n-1)) < dynamoDown*d.sla-1e-9 {
			n--
		}
	}
	return max(n, floor)
}
