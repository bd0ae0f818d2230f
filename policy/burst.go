package policy

import (
	"math"
	"time"
)

// Flight is how many requests were in the system, waiting or running, at one tick.
type Flight struct {
	At      time.Time `json:"at"`      // zero = not known
	Count   float64   `json:"count"`   // of requests
	Counted float64   `json:"counted"` // arrivals per second, as counted
	Rising  bool      `json:"rising"`  // they had grown beyond their noise
	Risen   time.Time `json:"risen"`   // newest moment at which they had
}

const (
	burstSigmas = 3                // of the noise of a count, for a first sign
	riseSigmas  = 1                // and for one that confirms it
	burstOnset  = 2                // a burst that was not there at the last look began, on average, half way
	flightGap   = 90 * time.Second // ticks further apart say nothing of a rate
)

// inFlight are the requests in the system, with how many of them complete per
// second; false unless every ready replica and the queue in front were heard.
func inFlight(m *Model, in *Input, c *census) (count, completed float64, known bool) {
	s := &in.Signals
	if s.Partial || len(s.Pods) == 0 || m.Gateway && !s.GatewayQueue.Known && s.ArrivalSource != FromGateway {
		return 0, 0, false
	}
	if !c.flying {
		return 0, 0, false
	}
	return c.flight + s.GatewayQueue.Value, c.completions, true
}

// steady says that rates, which are means over their window, are of the same load
// as gauges, which are of now.
func (f Flight) steady(now time.Time) bool { return f.Risen.IsZero() || now.Sub(f.Risen) >= rateWindow }

// next is the flight after one more tick.
func (f Flight) next(m *Model, in *Input, c *census) Flight {
	count, completed, known := inFlight(m, in, c)
	if !known {
		return Flight{Risen: f.Risen}
	}
	_, rising := f.growth(count, completed, in.Now)
	if rising {
		f.Risen = in.Now
	}
	return Flight{At: in.Now, Count: count, Counted: in.Signals.Arrivals.Value, Rising: rising, Risen: f.Risen}
}

// growth is by how many requests per second the flight has grown, beyond what
// chance explains, and whether it has; 0 where nothing can be said. As many come
// as go while nothing grows, so the variance is that of both,
//
//	grown + 2 x completed per second x time between
func (f Flight) growth(count, completed float64, now time.Time) (float64, bool) {
	apart := now.Sub(f.At)
	grown := count - f.Count
	if f.At.IsZero() || apart <= 0 || apart > flightGap || grown <= 0 {
		return 0, false
	}
	sigmas := float64(burstSigmas)
	if f.Rising {
		sigmas = riseSigmas
	}
	grown -= sigmas * math.Sqrt(grown+2*completed*apart.Seconds())
	return max(grown, 0) / apart.Seconds(), grown > 0
}

// atMost is what arrivals can be, as a gateway counts them: all that made its mean
// over the rate window grow came since the last tick. A queue that grows while the
// count does not is a stall, and no burst.
func (f Flight) atMost(in *Input) float64 {
	a := in.Signals.Arrivals
	if !a.Known || in.Signals.ArrivalSource != FromGateway {
		return math.Inf(1)
	}
	return a.Value + max(a.Value-f.Counted, 0)*rateWindow.Seconds()/in.Now.Sub(f.At).Seconds()
}

// ruleBurst sees a burst within one scrape: what flows in is what flows out plus
// what accumulates,
//
//	arrivals = completions + (in flight now - at the last tick - noise) / time between
//
// while a counted rate still averages the burst away over its window. At the first
// look the burst began somewhere since the last one, on average half way, so its
// growth counts double. It may raise what is needed, never lower it.
func ruleBurst(d *draft) {
	d.arrivals = d.in.Signals.Arrivals.Value
	count, completed, known := inFlight(&d.m, &d.in, &d.census)
	if !known {
		return
	}
	f := &d.l.Flight
	growth, rising := f.growth(count, completed, d.in.Now)
	if !rising {
		return
	}
	rate, most := completed+growth, f.atMost(&d.in)
	if !f.Rising {
		rate, most = completed+growth*burstOnset, most*burstOnset
	}
	if rate = min(rate, most); rate > d.arrivals {
		d.step("burst", 0, 0, [4]float64{f.Count, count, d.in.Now.Sub(f.At).Seconds(), rate})
		if f.Rising { // one look may have seen a batch that came at once; two have seen a rate
			d.arrivals = rate
		}
		d.need = d.need.highest(d.perRequest.scale(rate))
	}
}
