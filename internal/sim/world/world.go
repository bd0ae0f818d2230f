package world

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/policy"
)

// Options say how a fleet is watched. See DefaultOptions.
type Options struct {
	Signals signals.Options
	Gateway bool        // arrivals and the queue at zero come from a gateway; else from completions
	Faults  *sim.Faults // between exposition and reader; nil means none
	// SyncPhase is when the HorizontalPodAutoscaler looks within its period.
	SyncPhase time.Duration
}

// DefaultOptions are those of package signals with a gateway.
func DefaultOptions() Options {
	return Options{Signals: signals.DefaultOptions(), Gateway: true, SyncPhase: syncPhase}
}

// World is a fleet with somebody who scrapes it. It implements engine.Source: Load lets virtual time pass,
// At answers from the scrapes up to a moment. For one goroutine.
type World struct {
	fleet *sim.Fleet
	model policy.Model
	opts  Options

	now      time.Time
	tracks   map[string]*track
	sorted   []string // names of tracks, nil if stale
	gateway  []gatewaySample
	fresh    []gatewaySample // not yet as old as what is read must be, if scrapes are delayed
	clusters []cluster
	next     []turn // scrapes to come, unordered: there are few
	told     map[string]time.Time
	seen     func(t turn) // a test that wants to scrape along; nil
	err      error
}

// gatewaySample is one scrape of the gateway.
type gatewaySample struct {
	at             time.Time
	arrivals, held float64
}

// turn is the next scrape of one target.
type turn struct {
	at   time.Time
	name string // of a pod, or one of the two below
}

const (
	gatewayTarget = "gateway"
	clusterTarget = "kube-state-metrics"
)

// New watches a fleet that serves a model. The model's variants are the fleet's, in the same order.
func New(fleet *sim.Fleet, model policy.Model, opt Options) (*World, error) {
	if have, want := len(model.Variants), len(fleet.Variants()); have != want {
		return nil, fmt.Errorf("watch %s: want %d variants as the fleet has, got %d", model.ID, want, have)
	}
	w := &World{
		fleet: fleet, model: model, opts: opt, now: fleet.Now(),
		tracks: map[string]*track{}, told: map[string]time.Time{},
	}
	w.model.Gateway = opt.Gateway
	w.plan(clusterTarget)
	if opt.Gateway {
		w.plan(gatewayTarget)
	}
	w.discover()
	return w, nil
}

// Fleet is the fleet that is watched.
func (w *World) Fleet() *sim.Fleet { return w.fleet }

// Model is the model as the engine should know it.
func (w *World) Model() policy.Model { return w.model }

// Now is how far the world has come.
func (w *World) Now() time.Time { return w.now }

// Load implements engine.Source: it lets time pass up to a moment.
func (w *World) Load(ctx context.Context, _, to time.Time) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("simulate up to %s: %w", to.Format(time.RFC3339), err)
	}
	w.Advance(to)
	return w.err
}

// Advance lets time pass, scraping each target at its own moments.
func (w *World) Advance(to time.Time) {
	for {
		i := w.earliest()
		if i < 0 || w.next[i].at.After(to) {
			break
		}
		t := w.next[i]
		w.fleet.Advance(t.at)
		w.now = t.at
		w.next[i].at = t.at.Add(w.opts.Signals.ScrapeInterval)
		w.scrape(t, i)
		w.discover()
	}
	if to.After(w.now) {
		w.fleet.Advance(to)
		w.now = to
		w.discover()
	}
}

func (w *World) earliest() int {
	best := -1
	for i, t := range w.next {
		if best < 0 || t.at.Before(w.next[best].at) {
			best = i
		}
	}
	return best
}

// plan schedules the scrapes of a target from its first moment after now; as in Prometheus, the moment
// within the interval is fixed by a hash of the target.
func (w *World) plan(name string) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	interval := w.opts.Signals.ScrapeInterval
	phase := time.Duration(h.Sum64() % uint64(interval))
	at := w.now.Truncate(interval).Add(phase.Truncate(time.Millisecond))
	for !at.After(w.now) {
		at = at.Add(interval)
	}
	w.next = append(w.next, turn{at, name})
}

// discover finds pods that began to serve.
func (w *World) discover() {
	for _, p := range w.fleet.Pods() {
		if p.Serving() && w.tracks[p.Name()] == nil {
			w.tracks[p.Name()] = &track{name: p.Name(), variant: p.Variant()}
			w.sorted = nil
			w.plan(p.Name())
		}
	}
}

// scrape reads one target, turn i of next.
func (w *World) scrape(t turn, i int) {
	memory := w.opts.Signals.RateWindow + w.opts.Signals.MaxAge
	if w.seen != nil {
		w.seen(t)
	}
	switch t.name {
	case clusterTarget:
		if w.lost(t) {
			return
		}
		w.clusters = append(w.clusters, seeCluster(w.fleet))
		if w.now.Sub(w.clusters[0].at) > memory {
			w.clusters = slices.Delete(w.clusters, 0, 1)
		}
		w.forget(memory)
	case gatewayTarget:
		n := w.fleet.Totals()
		w.readGateway(t, gatewaySample{w.now, float64(n.Arrivals), float64(n.Held)})
		if len(w.gateway) > 0 && w.now.Sub(w.gateway[0].at) > memory {
			w.gateway = slices.Delete(w.gateway, 0, 1)
		}
	default:
		w.scrapePod(t, i, memory)
	}
}

// readGateway keeps what is read of the gateway.
func (w *World) readGateway(t turn, s gatewaySample) {
	if f := w.opts.Faults; f != nil {
		if d := f.Delay(); d > 0 {
			w.fresh = append(w.fresh, s)
			old := -1
			for i := range w.fresh {
				if s.at.Sub(w.fresh[i].at) >= d {
					old = i
				}
			}
			if old < 0 {
				return
			}
			w.fresh = slices.Delete(w.fresh, 0, old)
			s = gatewaySample{s.at, w.fresh[0].arrivals, w.fresh[0].held}
		}
		if f.Garbled(t.name, gatewayArrivals, t.at) {
			s.arrivals = math.NaN()
		}
		if f.Garbled(t.name, gatewayHeld, t.at) {
			s.held = math.NaN()
		}
	}
	if !w.lost(t) {
		w.gateway = append(w.gateway, s)
	}
}

// The gateway's metrics by the names under which faults hit them.
const (
	gatewayArrivals = "arrivals"
	gatewayHeld     = "held"
)

func (w *World) scrapePod(t turn, i int, memory time.Duration) {
	k := slices.IndexFunc(w.fleet.Pods(), func(p *sim.Pod) bool { return p.Name() == t.name })
	if k < 0 {
		w.next = slices.Delete(w.next, i, i+1) // discovery has dropped it
		return
	}
	s, err := w.fleet.Pods()[k].Scrape()
	if err != nil {
		w.err = fmt.Errorf("scrape %s: %w", t.name, err)
		return
	}
	track := w.tracks[t.name]
	track.up = t.at
	one := sample{t.at, s}
	if f := w.opts.Faults; f != nil {
		one = delayed(track, one, f.Delay())
		garble(f, t, &one)
	}
	if !one.at.IsZero() && !w.lost(t) {
		track.put(one, memory)
	}
}

func (w *World) lost(t turn) bool { return w.opts.Faults != nil && w.opts.Faults.Lost(t.name, t.at) }

// delayed is the newest scrape that is at least as old as the delay, with the time of this one; with a
// zero time if there is none.
func delayed(t *track, now sample, delay time.Duration) sample {
	if delay == 0 {
		return now
	}
	t.fresh = append(t.fresh, now)
	old := -1
	for i, s := range t.fresh {
		if now.at.Sub(s.at) >= delay {
			old = i
		}
	}
	if old < 0 {
		return sample{}
	}
	t.fresh = slices.Delete(t.fresh, 0, old)
	return sample{now.at, t.fresh[0].Scrape}
}

// forget drops pods that no evaluation can see any more.
func (w *World) forget(memory time.Duration) {
	for name, t := range w.tracks {
		if n := len(t.samples); n > 0 && w.now.Sub(t.samples[n-1].at) > 2*memory && w.now.Sub(t.up) > 2*memory {
			delete(w.tracks, name)
			w.sorted = nil
		}
	}
	for uid, at := range w.told {
		if w.now.Sub(at) > time.Hour && !w.alive(uid) {
			delete(w.told, uid)
		}
	}
}

func (w *World) alive(uid string) bool {
	return slices.ContainsFunc(w.fleet.Pods(), func(p *sim.Pod) bool { return p.UID() == uid })
}

// names are the pods with scrapes, sorted.
func (w *World) names() []string {
	if w.sorted == nil {
		for name := range w.tracks {
			w.sorted = append(w.sorted, name)
		}
		slices.Sort(w.sorted)
	}
	return w.sorted
}
