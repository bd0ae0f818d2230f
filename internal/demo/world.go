package demo

import (
	"fmt"
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/demo/promstore"
	"github.com/forewarm/forewarm/internal/sim"
)

const (
	// syncAfter is how long after a scrape the HPA controller carries out what
	// was decided from it: half a period, the mean of two unrelated phases.
	syncAfter = scrapeEvery / 2
	// recentRounds is how many scrapes the shown latency covers.
	recentRounds = int(recentSpan / scrapeEvery)
	recentSpan   = 5 * time.Minute
	// trailSpan is how much of the past is drawn.
	trailSpan = 24 * time.Hour
)

// world is one fleet under one scaler, with the books of what happened to it
// since mark.
type world struct {
	fleet   *sim.Fleet
	scraper *scraper
	now     reading
	asked   int    // the scaler's newest word, carried out syncAfter the scrape
	recent  recent // first tokens of the last rounds
	trail   []point
	ttft    buckets // first tokens since mark
	starts  int     // replicas ordered since mark
	changes int     // of the count since mark
	base    totals  // at mark
}

// point is one scrape interval as it is drawn.
type point struct {
	load  float64 // requests/s
	ready int
}

// totals are the fleet's books at one moment.
type totals struct {
	arrivals, undecided, met float64
	gpuHours                 float64
}

// newWorld starts a fleet on the arrivals of a scene. The store may be nil.
func newWorld(s scene, store *promstore.Store) (*world, error) {
	w, err := sim.NewWorkload(s.workload())
	if err != nil {
		return nil, err
	}
	f, err := sim.NewFleet(s.fleet(), w)
	if err != nil {
		return nil, err
	}
	return &world{
		fleet: f, scraper: newScraper(store), asked: f.Desired(), recent: recent{keep: recentRounds},
	}, nil
}

// step lives through one scrape interval: what was asked for is carried out, and
// at the end everything is scraped.
func (w *world) step() error {
	from, arrivals := w.fleet.Now(), w.fleet.Totals().Arrivals
	w.fleet.Advance(from.Add(syncAfter))
	w.scale()
	w.fleet.Advance(from.Add(scrapeEvery))
	now, err := w.scraper.read(w.fleet)
	if err != nil {
		return fmt.Errorf("scrape at %s: %w", w.fleet.Now().Format(time.RFC3339), err)
	}
	w.now = now
	w.recent.add(now.ttft)
	w.ttft.add(now.ttft)
	w.trail = append(w.trail, point{
		load:  float64(w.fleet.Totals().Arrivals-arrivals) / scrapeEvery.Seconds(),
		ready: w.fleet.Count(sim.Ready),
	})
	if keep := int(trailSpan / scrapeEvery); len(w.trail) >= 2*keep {
		w.trail = append(w.trail[:0], w.trail[len(w.trail)-keep:]...)
	}
	return nil
}

// follow lives through one interval under the plain HPA.
func (w *world) follow(h *sim.Reactive) error {
	if err := w.step(); err != nil {
		return err
	}
	w.asked = h.Sync(w.fleet.Now(), w.fleet.Desired(), w.now.pods, w.now.inFlight)
	return nil
}

func (w *world) scale() {
	if w.asked == w.fleet.Desired() {
		return
	}
	w.changes++
	w.starts += max(0, w.asked-w.fleet.Count(sim.Starting)-w.fleet.Count(sim.Ready))
	w.fleet.Scale(w.asked)
}

// mark begins the books anew.
func (w *world) mark() {
	w.ttft, w.starts, w.changes = buckets{}, 0, 0
	w.base = w.totals()
}

func (w *world) totals() totals {
	share, decided := w.fleet.Attainment()
	arrivals := float64(w.fleet.Totals().Arrivals)
	return totals{
		arrivals: arrivals, undecided: arrivals - float64(decided), met: math.Round(share * float64(decided)),
		gpuHours: w.fleet.GPUHours(),
	}
}

// inTime is the share of requests decided since mark that met the promise; false
// before any was.
func (w *world) inTime() (float64, bool) {
	t := w.totals()
	n := (t.arrivals - t.undecided) - (w.base.arrivals - w.base.undecided)
	return (t.met - w.base.met) / math.Max(n, 1), n > 0
}

// load is the mean arrival rate of the last scrapes, requests/s.
func (w *world) load() float64 {
	sum, n := 0.0, 0
	for i := len(w.trail) - 1; i >= 0 && n < recentRounds; i-- {
		sum, n = sum+w.trail[i].load, n+1
	}
	return sum / math.Max(1, float64(n))
}

// Score is what one world came to.
type Score struct {
	Requests int           // that arrived, with those under way at the start
	InTime   float64       // share with a first token within the promise, 0..1; unfinished counts as missed
	P95, P99 time.Duration // time to first token, from the engines' histogram; 0 without any
	GPUHours float64
	USD      float64
	Starts   int // replicas started cold
	Changes  int // of the wanted count
}

// score is what the world came to since mark.
func (w *world) score() Score {
	t := w.totals()
	n := t.arrivals - w.base.arrivals + w.base.undecided
	s := Score{Requests: int(n), InTime: 1, Starts: w.starts, Changes: w.changes, GPUHours: t.gpuHours - w.base.gpuHours}
	if n > 0 {
		s.InTime = (t.met - w.base.met) / n
	}
	s.USD = s.GPUHours * w.fleet.Config().GPUHourUSD
	p95, _ := w.ttft.quantile(0.95)
	p99, _ := w.ttft.quantile(0.99)
	s.P95, s.P99 = duration(p95), duration(p99)
	return s
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
