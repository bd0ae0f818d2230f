package demo

import (
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/policy"
)

// frame is everything that one picture shows.
type frame struct {
	at        time.Time
	live      bool // false while the history is lived through or replayed
	stage     string
	load      float64 // requests/s
	ahead     float64 // 95 % of forecasts stay under this until help is warm, requests/s
	lead      time.Duration
	known     bool // whether there is a forecast
	forewarm  column
	hpa       column
	loads     []point // of world A
	news      []news  // newest last
	knows     []string
	promise   time.Duration
	speed     float64
	seed      uint64
	startedAt time.Time
}

// column is one world's part of a frame.
type column struct {
	wanted, ready, warming int
	waiting                int
	p95                    float64 // seconds, over recentSpan
	p95Known               bool
	inTime                 float64 // share, 0..1
	inTimeKnown            bool
	gpuHours, usd          float64
	trail                  []point
}

// news is one change of Forewarm's mind.
type news struct {
	at       time.Time
	from, to int
	why      string
}

// keptNews is how many changes of mind a frame carries.
const keptNews = 4

func columnOf(w *world) column {
	t := w.fleet.Totals()
	c := column{
		wanted: w.asked, ready: w.fleet.Count(sim.Ready), warming: w.fleet.Count(sim.Starting),
		waiting:  int(t.Waiting + t.Held),
		gpuHours: w.fleet.GPUHours() - w.base.gpuHours,
		trail:    w.trail,
	}
	c.usd = c.gpuHours * w.fleet.Config().GPUHourUSD
	c.p95, c.p95Known = w.recent.quantile(0.95)
	c.inTime, c.inTimeKnown = w.inTime()
	return c
}

// orderQuantile is the quantile of the forecast that Forewarm orders for.
const orderQuantile = 0.95

// frame draws up the present.
func (r *run) frame() frame {
	f := frame{
		at: r.a.fleet.Now(), live: r.live, stage: r.stage, load: r.a.load(),
		forewarm: columnOf(r.a), hpa: columnOf(r.b), loads: r.a.trail, news: r.news,
		promise: promise, speed: r.opts.Speed, seed: r.opts.Seed, startedAt: opening,
	}
	if !r.live {
		return f
	}
	f.knows = r.product.knows()
	v, _ := r.product.newest()
	if a := v.Input.Signals.Arrivals; a.Known {
		f.load = a.Value
	}
	f.lead = policy.Lead(v.Model, v.Learned, v.Input)
	if f.known = v.Forecast.Known(); f.known {
		f.ahead = v.Forecast.Max(f.lead, orderQuantile)
	}
	return f
}

// notice keeps what Forewarm has just changed its mind on; false if nothing.
func (r *run) notice(from int) (news, bool) {
	if r.a.asked == from {
		return news{}, false
	}
	_, d := r.product.newest()
	n := news{at: r.a.fleet.Now(), from: from, to: r.a.asked}
	if s, ok := policy.Reason(d); ok {
		n.why = policy.Sentence(s)
	}
	r.news = append(r.news, n)
	if len(r.news) > keptNews {
		r.news = append(r.news[:0], r.news[1:]...)
	}
	return n, true
}
