package signals

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/forewarm/forewarm/policy"
)

const (
	queriesAtOnce = 4               // per source
	firstSpan     = 5 * time.Minute // asked for while the density is not known
	shortestSpan  = 15 * time.Second
	liveSpan      = 2 * time.Minute // a load up to this long is a live tick
	fillShare     = 0.6             // of the sample cap that a chunk aims at
)

// source is one Prometheus with what was loaded from it. A load writes from
// several goroutines under mu; everything else happens between loads.
type source struct {
	head     time.Time // loaded up to here
	presets  presetTable
	client   *Client
	opt      Options
	window   *Window
	lives    *podLives
	started  bool
	start    time.Time            // the window answers from here on
	covered  map[string]time.Time // fetch key -> loaded up to
	density  map[string]float64   // fetch key -> samples per second, newest measurement
	ksmNS    string               // label that carries the namespace on kube-state-metrics series
	ksmSeen  bool
	ksmTries int
	silent   bool // the last load got no word out of it
	faults   []spanFault

	mu sync.Mutex
}

// gatewayUp is the key of the gateways' targets.
const gatewayUp = "up of gateways"

// spanFault is a fault that holds for the moments in (from, to].
type spanFault struct {
	from, to time.Time
	key      string // fetch that it concerns
	failed   bool   // nothing came; else something came with a warning
	remark   bool   // does not make the data partial
	fault    policy.Fault
}

func newSource(c *Client, opt Options) *source {
	return &source{
		client: c, opt: opt, window: NewWindow(), lives: newPodLives(), covered: map[string]time.Time{},
		density: map[string]float64{}, ksmNS: "namespace",
	}
}

// lookback is how much before a moment its evaluation needs.
func lookback(opt Options) time.Duration { return opt.RateWindow + opt.MaxAge + 2*opt.ScrapeInterval }

// fetch is one thing to load: raw samples, or a quantile.
type fetch struct {
	key      string
	names    []string
	scope    []matcher
	quantile *quantileFetch
	engine   string
}

// fetchPlan lists what the bindings need of this source: per engine one raw fetch and
// one per quantile, per gateway one, up, and kube-state-metrics.
func (t presetTable) fetchPlan(bindings []Binding, opt Options, ksmNamespace string) []fetch {
	var out []fetch
	engines := t.engineGroups(bindings)
	for _, g := range engines {
		out = append(out, fetch{key: g.key(), names: rawNames(g.preset), scope: g.scope()})
		for _, q := range quantileFetches(g, opt.RateWindow) {
			out = append(out, fetch{key: "quantiles " + g.preset.Name, quantile: &q, engine: g.preset.Name})
		}
	}
	for _, g := range t.gatewayGroups(bindings) {
		out = append(out, fetch{key: g.key(), names: rawNames(g.preset), scope: g.scope()})
	}
	if len(out) == 0 {
		return nil
	}
	return append(out, upFetch(engines), ksmFetch(bindings, ksmNamespace))
}

// gatewayUpFetch asks for the targets of the gateways' jobs, once their series
// were seen: gateways have no namespace to narrow by.
func (t presetTable) gatewayUpFetch(bindings []Binding, w *Window) (fetch, bool) {
	var jobs []string
	for _, g := range t.gatewayGroups(bindings) {
		for _, name := range rawNames(g.preset) {
			for _, s := range w.Select(name) {
				if job := s.Label("job"); job != "" {
					jobs = append(jobs, job)
				}
			}
		}
	}
	f := fetch{key: gatewayUp, names: []string{UpSeries}, scope: []matcher{{label: "job", values: distinct(jobs)}}}
	return f, len(jobs) > 0
}

// upFetch tells absent from zero. Without a namespace label it cannot be
// narrowed.
func upFetch(engines []queryGroup) fetch {
	var ns []string
	label := ""
	for _, g := range engines {
		if g.labels.Namespace == "" || (label != "" && label != g.labels.Namespace) {
			return fetch{key: UpSeries, names: []string{UpSeries}}
		}
		label = g.labels.Namespace
		ns = append(ns, g.namespaces()...)
	}
	f := fetch{key: UpSeries, names: []string{UpSeries}}
	if len(ns) > 0 {
		f.scope = []matcher{{label: label, values: distinct(ns)}}
	}
	return f
}

// load brings the window up to (from, to] and what evaluating it needs. It
// returns an error only if nothing came.
func (s *source) load(ctx context.Context, bindings []Binding, from, to time.Time) error {
	s.rewind(from)
	keep := from.Add(-lookback(s.opt))
	s.window.Trim(keep)
	s.forget(keep)
	fetches := s.presets.fetchPlan(bindings, s.opt, s.ksmNS)
	s.head = to
	ctx, cancel := s.patience(ctx, from, to)
	defer cancel()
	if err := s.knock(ctx, to); err != nil {
		s.blank(fetches, err, from, to)
		return err
	}
	errs := s.fetchAll(ctx, fetches, from, to)
	s.silent = silence(errs)
	if len(errs) > 0 && allFailed(errs) {
		return errors.Join(distinctErrors(errs)...)
	}
	if f, ok := s.presets.gatewayUpFetch(bindings, s.window); ok {
		s.fetchAll(ctx, []fetch{f}, from, to)
	}
	s.tryExported(ctx, bindings, from, to)
	return nil
}

// fetchAll loads several things, a few at a time. One failure stops no other; it
// is kept as a fault of the moments it concerns.
func (s *source) fetchAll(ctx context.Context, fetches []fetch, from, to time.Time) []error {
	var g errgroup.Group
	g.SetLimit(queriesAtOnce)
	errs := make([]error, len(fetches))
	for i, f := range fetches {
		since := s.since(f.key, from)
		g.Go(func() error {
			errs[i] = s.fetch(ctx, f, since, from, to)
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	for i, err := range errs {
		if err != nil {
			s.blank(fetches[i:i+1], err, from, to)
		}
	}
	return errs
}

// blank says of some things that nothing came for these moments, and why.
func (s *source) blank(fetches []fetch, err error, from, to time.Time) {
	for _, f := range fetches {
		told := failedFault(s.client.Name(), f, err)
		s.fault(spanFault{from: from, to: to, key: f.key, failed: true, fault: told})
	}
}

var endOfTime = time.Unix(1<<40, 0)

// rewind forgets everything if the clock went back behind what is held.
func (s *source) rewind(from time.Time) {
	if s.started && !from.Before(s.start) {
		return
	}
	s.started, s.start = true, from
	s.window.Trim(endOfTime) // the window itself stays: it may be indexed
	s.lives, s.faults = newPodLives(), nil
	s.lives.since = from.Add(-lookback(s.opt))
	s.covered = map[string]time.Time{}
}

// since is where a fetch has to begin: at what is already held, a little
// earlier for late samples, and never further back than evaluation needs.
func (s *source) since(key string, from time.Time) time.Time {
	earliest := from.Add(-lookback(s.opt))
	s.mu.Lock()
	held, ok := s.covered[key]
	s.mu.Unlock()
	if !ok {
		return earliest
	}
	if held.After(from) {
		held = from
	}
	if begin := held.Add(-2 * s.opt.ScrapeInterval); begin.After(earliest) {
		return begin
	}
	return earliest
}

// forget drops faults of moments that will not be asked for again.
func (s *source) forget(before time.Time) {
	kept := s.faults[:0]
	for _, f := range s.faults {
		if !f.to.Before(before) {
			kept = append(kept, f)
		}
	}
	s.faults = kept
}
