package policy

import (
	"math"
	"time"
)

// Flight is how many requests were in the system, waiting or running, at the newest ticks.
type Flight struct {
	Looks  [maxLooks]Look `json:"looks"`  // newest first; a zero time = none
	Rising time.Time      `json:"rising"` // since when they have grown beyond their noise; zero = they do not
	Risen  time.Time      `json:"risen"`  // newest moment at which they had
}

// Look is what was seen in flight at one tick.
type Look struct {
	At      time.Time `json:"at"`
	Of      time.Time `json:"of"`      // when the oldest of what was seen was scraped
	Count   float64   `json:"count"`   // of requests
	Held    float64   `json:"held"`    // of these, in front of the engines
	Counted float64   `json:"counted"` // arrivals per second, as counted
}

const (
	burstSigmas = 3                // of the noise of a count, for a first sign
	riseSigmas  = 1                // and for one that confirms it
	burstOnset  = 2                // a burst that was not there at the last look began, on average, half way
	flightGap   = 90 * time.Second // ticks further apart say nothing of a rate

	// Ticks may be closer than scrapes. Looks are kept so far apart, and a third of the age of what they saw, that
	// some always reach back to before the oldest scrape.
	maxLooks  = 6
	lookSpan  = 5 * time.Second
	lookShare = 3
	jitter    = time.Second // of scrapes
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
	now := lookAt(in, c, count)
	switch g := f.growth(&now, completed); {
	case g.rate > 0:
		f.Risen = in.Now
		if f.Rising.IsZero() {
			f.Rising = in.Now
		}
	case g.confirms || g.since == nil: // else the sign stands until a look that begins after it
		f.Rising = time.Time{}
	}
	if newest := f.Looks[0].At; newest.IsZero() || in.Now.Sub(newest) >= max(lookSpan, in.Now.Sub(now.Of)/lookShare) {
		copy(f.Looks[1:], f.Looks[:maxLooks-1])
		f.Looks[0] = now
	}
	return f
}

func lookAt(in *Input, c *census, count float64) Look {
	age, q := c.oldest, in.Signals.GatewayQueue
	if q.Known {
		age = max(age, q.Age)
	}
	return Look{At: in.Now, Of: in.Now.Add(-age), Count: count, Held: q.Value, Counted: in.Signals.Arrivals.Value}
}

// since is the newest look before which all was scraped that is seen now, so that no target is compared with itself:
// whether ticks or scrapes come more often must not matter. Nil = none, or too long ago to say anything of a rate.
func (f *Flight) since(now *Look) *Look {
	for i := range f.Looks {
		l := &f.Looks[i]
		switch apart := now.At.Sub(l.At); {
		case l.At.IsZero() || apart > flightGap || apart <= 0:
			return nil
		case apart >= lookSpan && !l.At.After(now.Of.Add(jitter)):
			return l
		}
	}
	return nil
}

// growth is how the flight has grown since a look, in requests per second beyond what chance explains.
type growth struct {
	since    *Look
	seconds  float64 // between the scrapes of both
	rate     float64
	engines  float64 // of those in the engines alone
	confirms bool    // a sign from before it
}

// growth since the last look, nothing where nothing can be said. As many come as go while nothing grows, so the
// variance is that of both,
//
//	grown + 2 x completed per second x time between
func (f *Flight) growth(now *Look, completed float64) growth {
	g := growth{since: f.since(now)}
	if g.since == nil {
		return g
	}
	g.seconds = max(now.At.Sub(g.since.At), now.Of.Sub(g.since.Of)).Seconds()
	g.confirms = !f.Rising.IsZero() && !g.since.At.Before(f.Rising)
	grown := now.Count - g.since.Count
	g.rate = g.beyondNoise(grown, completed)
	g.engines = g.beyondNoise(grown-now.Held+g.since.Held, completed)
	return g
}

func (g *growth) beyondNoise(grown, completed float64) float64 {
	if grown <= 0 {
		return 0
	}
	sigmas := float64(burstSigmas)
	if g.confirms {
		sigmas = riseSigmas
	}
	return max(grown-sigmas*math.Sqrt(grown+2*completed*g.seconds), 0) / g.seconds
}

// onset is by how much the growth is to be multiplied, as long as the burst is younger than half of a look.
func (f *Flight) onset(g *growth, now time.Time) float64 {
	if g.confirms || !f.Rising.IsZero() && now.Sub(f.Rising).Seconds() >= g.seconds/burstOnset {
		return 1
	}
	return burstOnset
}

// counted is what a gateway counted since the look: all that made its mean over the rate window grow came since then.
// False without a gateway that counts.
func (g *growth) counted(in *Input) (float64, bool) {
	a := in.Signals.Arrivals
	if !a.Known || in.Signals.ArrivalSource != FromGateway {
		return 0, false
	}
	return a.Value + max(a.Value-g.since.Counted, 0)*rateWindow.Seconds()/g.seconds, true
}

// arrivals are what flows in, as far as a gateway's count bears it out. A queue that grows while no more are counted is a
// stall, and no burst: completions, which are a mean over the rate window, are then not what flows out. Of what came
// after it was scraped the gateway does not know; but no stall lets more accumulate than come, so growth of what is in
// engines that were scraped later stands where it is beyond the mean. Once a burst is confirmed, the count also says how
// large it is, for what is in flight was scraped at several moments, some of them early in the burst.
func (g *growth) arrivals(in *Input, c *census, completed, onset float64) float64 {
	rate := completed + g.rate*onset
	counted, known := g.counted(in)
	if !known {
		return rate
	}
	most := counted * onset
	if a := in.Signals.Arrivals; c.newest < a.Age {
		most = max(most, a.Value+max(g.engines-a.Value, 0)*onset)
	}
	if g.confirms {
		rate = max(rate, min(rate*burstOnset, counted-riseSigmas*math.Sqrt(counted/g.seconds)))
	}
	return min(rate, most)
}

// ruleBurst sees a burst within one scrape: what flows in is what flows out plus
// what accumulates,
//
//	arrivals = completions + (in flight now - at the last look - noise) / time between
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
	f, now := &d.l.Flight, lookAt(&d.in, &d.census, count)
	g := f.growth(&now, completed)
	if g.rate <= 0 {
		return
	}
	onset := f.onset(&g, d.in.Now)
	if rate := g.arrivals(&d.in, &d.census, completed, onset); rate > d.arrivals {
		d.step("burst", 0, 0, [4]float64{g.since.Count, count, d.in.Now.Sub(g.since.At).Seconds(), rate})
		if g.confirms { // one look may have seen a batch that came at once; two have seen a rate
			d.arrivals = rate
		}
		d.need = d.need.highest(d.perRequest.scale(rate))
	}
}
