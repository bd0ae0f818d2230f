package signals

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// linger is how long work seen at a gateway's door counts: until Prometheus, which
// scrapes more seldom and trails, must have seen it as well.
const linger = time.Minute

// Door is a gateway whose own metrics page is read while a model is at zero.
type Door struct {
	URL     string
	Binding Binding // with its Gateway
}

// Doorbell reads gateways directly, once per Ring, so that waking a model at zero
// need not wait for a scrape, for ingestion and for a tick. It only ever raises: what
// it does not see proves nothing. Safe for concurrent use; Ring is for one goroutine.
type Doorbell struct {
	pages   map[string]*page
	presets presetTable

	mu    sync.Mutex
	doors []Door
	heard map[policy.ModelID]heard
}

// heard is what was seen of one model.
type heard struct {
	waiting float64   // most requests seen waiting, or new ones, within linger
	at      time.Time // when
	counted map[string]float64
	failed  error // of the newest reading
}

// NewDoorbell knows no doors yet.
func NewDoorbell() *Doorbell {
	return &Doorbell{pages: map[string]*page{}, heard: map[policy.ModelID]heard{}}
}

// SetDoors replaces the doors from the next Ring on.
func (d *Doorbell) SetDoors(doors []Door) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doors = slices.Clone(doors)
	there := map[policy.ModelID]bool{}
	for _, door := range doors {
		there[door.Binding.Model] = true
	}
	maps.DeleteFunc(d.heard, func(id policy.ModelID, _ heard) bool { return !there[id] })
}

// Ring reads the doors of the models that are asleep, and returns those at which
// there is work. Each URL is read once, whatever the number of its models.
func (d *Doorbell) Ring(ctx context.Context, at time.Time, asleep func(policy.ModelID) bool) []policy.ModelID {
	d.mu.Lock()
	doors := slices.Clone(d.doors)
	d.mu.Unlock()
	byURL := map[string][]Door{}
	for _, door := range doors {
		if asleep(door.Binding.Model) {
			byURL[door.URL] = append(byURL[door.URL], door)
			continue
		}
		d.mu.Lock()
		delete(d.heard, door.Binding.Model) // what it counts while awake is no knocking
		d.mu.Unlock()
	}
	var mu sync.Mutex
	var rung []policy.ModelID
	var wg sync.WaitGroup
	for url, at0 := range byURL {
		p := d.pageOf(url)
		wg.Go(func() {
			for _, id := range d.read(ctx, p, at0, at) {
				mu.Lock()
				rung = append(rung, id)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	d.forget(byURL)
	slices.SortFunc(rung, policy.ModelID.Compare)
	return rung
}

func (d *Doorbell) pageOf(url string) *page {
	p := d.pages[url]
	if p == nil {
		p = newPage(url)
		d.pages[url] = p
	}
	return p
}

// forget lets go of connections to gateways that nobody sleeps behind.
func (d *Doorbell) forget(used map[string][]Door) {
	for url, p := range d.pages {
		if len(used[url]) == 0 {
			p.close()
			delete(d.pages, url)
		}
	}
}

// read reads one page for all its doors.
func (d *Doorbell) read(ctx context.Context, p *page, doors []Door, at time.Time) []policy.ModelID {
	var names []string
	for _, door := range doors {
		if preset, ok := d.presets.lookup(door.Binding.Gateway.Preset); ok {
			names = append(names, preset.rawNames()...)
		}
	}
	copies, err := p.fetch(ctx, names)
	var rung []policy.ModelID
	for _, door := range doors {
		if d.listen(door, copies, err, at) {
			rung = append(rung, door.Binding.Model)
		}
	}
	return rung
}

// listen looks for work of one model on all copies of its gateway: a queue, or
// arrivals since the copy was read last.
func (d *Doorbell) listen(door Door, copies map[string][]*Series, err error, at time.Time) bool {
	id := door.Binding.Model
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.heard[id]
	h.failed = err
	waiting, counted := 0.0, map[string]float64{}
	preset, _ := d.presets.lookup(door.Binding.Gateway.Preset)
	for address, series := range copies {
		g := knock{preset: preset, match: matchOf(door.Binding, preset), series: series, namespace: id.Namespace}
		waiting += g.sum(Queue)
		counted[address] = g.sum(Arrivals)
		if before, ok := h.counted[address]; ok {
			waiting += grown(before, counted[address])
		}
	}
	if err != nil { // a copy that could not be read goes on from where it was
		for address, before := range h.counted {
			if _, read := counted[address]; !read && len(counted) < maxCopies {
				counted[address] = before
			}
		}
	}
	h.counted = counted
	if waiting > 0 {
		if at.Sub(h.at) > linger || waiting > h.waiting {
			h.waiting = waiting
		}
		h.at = at
	}
	d.heard[id] = h
	return waiting > 0
}

// grown is the increase of a counter, which begins anew with a restarted gateway.
func grown(before, now float64) float64 {
	if now < before {
		return now
	}
	return now - before
}

// Beside adds what was heard to the input of a model at zero. The moment of a tick
// trails the clock, so what was heard may be a little younger; it says nothing of the
// past.
func (d *Doorbell) Beside(in policy.Input) policy.Input {
	d.mu.Lock()
	h, ok := d.heard[in.Model]
	d.mu.Unlock()
	if !ok || !atZero(in) {
		return in
	}
	if h.failed != nil {
		in.Faults = append(in.Faults[:len(in.Faults):len(in.Faults)], policy.Fault{
			Code: FaultGatewayScrape, Signal: string(Queue),
			Text: fmt.Sprintf("the gateway's own page cannot be read (%v); waking waits for Prometheus", h.failed),
		})
	}
	since := in.Now.Sub(h.at)
	if h.waiting > 0 && since < linger && since > -linger && h.waiting > in.Signals.GatewayQueue.Value {
		in.Signals.GatewayQueue = policy.Seen(h.waiting, max(since, 0))
	}
	return in
}

// FaultGatewayScrape says that a gateway cannot be read directly.
const FaultGatewayScrape = "gateway-scrape"

// atZero says that nothing is asked for, for all that is known.
func atZero(in policy.Input) bool {
	return !slices.ContainsFunc(in.Supply, func(s policy.Supply) bool { return s.Known && s.Spec > 0 })
}

// knock is one copy of a gateway, read for one model.
type knock struct {
	preset    Preset
	match     map[string]string
	series    []*Series
	namespace string
}

// sum is a signal of the first row that the copy has, as the preset says. At zero the
// engines have none of what a gauge of the gateway may include.
func (k knock) sum(sig Signal) float64 {
	for _, m := range k.preset.Signals[sig] {
		total, seen := 0.0, false
		for _, part := range append([]Metric{m}, m.Plus...) {
			for _, s := range k.series {
				if s.Name() != part.Name || !has(s, part.Match, false) || !k.matches(s) {
					continue
				}
				total, seen = total+max(s.Samples[0].V, 0)*part.scale(), true
			}
		}
		if seen {
			return total
		}
	}
	return 0
}

// matches says whether a series belongs to the model. Labels that Prometheus adds to
// a target are not on its own page.
func (k knock) matches(s *Series) bool {
	for name, want := range k.match {
		got := s.Label(name)
		if targetLabels[name] && got == "" || got == want || k.preset.Mangled && mangle(got) == mangle(want) {
			continue
		}
		return false
	}
	for _, l := range k.preset.NamespaceLabels {
		if _, explicit := k.match[l]; !explicit && s.Label(l) != "" && s.Label(l) != k.namespace {
			return false
		}
	}
	return true
}

// matchOf is the gateway's match, or that its model label is the model's name. With
// neither, nothing matches.
func matchOf(b Binding, p Preset) map[string]string {
	if len(b.Gateway.Match) > 0 {
		return b.Gateway.Match
	}
	if p.ModelLabel == "" || b.ModelName == "" {
		return map[string]string{"\x00": "no match"}
	}
	return map[string]string{p.ModelLabel: b.ModelName}
}
