package signals

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// shortLook is asked for when the whole Lookback would be too much.
const shortLook = 2 * time.Minute

// Discover finds the models of every engine preset from their metrics alone,
// their variants through kube-state-metrics where it is scraped, and says what
// it assumed. If nothing is found the error is a *NotFoundError.
//
// A handful of queries, whatever the number of models: engine gauges,
// kube-state-metrics, GPU requests, node labels, gateways.
func Discover(ctx context.Context, c *Client, at time.Time, opt DiscoverOptions) (Discovery, error) {
	at = at.Truncate(time.Millisecond) // as Prometheus keeps time: an answer must not lie after its question
	d := &discoverer{client: c, at: at, opt: opt, window: NewWindow(), out: Discovery{Source: c.Name()}}
	engines := d.engines()
	if err := d.loadEngines(ctx, engines); err != nil {
		return Discovery{}, fmt.Errorf("discover models: %w", err)
	}
	models := d.models(engines)
	if len(models) == 0 {
		return d.out, d.notFound(ctx, engines)
	}
	d.loadCluster(ctx, models)
	for _, m := range models {
		d.out.Found = append(d.out.Found, d.found(m))
	}
	d.joinGateways(ctx)
	nameModels(d.out.Found)
	slices.SortFunc(d.out.Found, func(a, b Found) int { return a.ID.Compare(b.ID) })
	return d.out, nil
}

// discoverer carries one Discover.
type discoverer struct {
	client  *Client
	at      time.Time
	opt     DiscoverOptions
	window  *Window
	cluster *ksmView
	gpus    map[objectKey]gpuRequest // pod -> what it asks for
	nodes   map[string]nodeInfo
	out     Discovery
}

// engines are the presets that can be told by a gauge, narrowed by the options.
func (d *discoverer) engines() []Preset {
	var out []Preset
	for _, p := range d.presets() {
		wanted := len(d.opt.Engines) == 0 || slices.Contains(d.opt.Engines, p.Name)
		if wanted && !p.Gateway && len(loadNames(p)) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// presets are the built-in ones and the custom ones, by name.
func (d *discoverer) presets() []Preset {
	out := slices.DeleteFunc(Presets(), func(p Preset) bool {
		_, replaced := d.opt.Custom[p.Name]
		return replaced
	})
	for _, p := range d.opt.Custom {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Preset) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// loadNames are the gauges that show an engine at work.
func loadNames(p Preset) []string {
	var out []string
	for _, s := range []Signal{Running, Pending} {
		for _, m := range p.Signals[s] {
			if m.Kind != Histogram {
				out = append(out, m.Name)
			}
		}
	}
	return distinct(out)
}

// engineSelector asks for all engines at once.
func (d *discoverer) engineSelector(engines []Preset) string {
	var names []string
	for _, p := range engines {
		names = append(names, loadNames(p)...)
	}
	return selector(names, d.namespaceScope())
}

func (d *discoverer) namespaceScope() []matcher {
	if len(d.opt.Namespaces) == 0 || d.opt.Labels.Namespace == "" {
		return nil
	}
	return []matcher{{label: d.opt.Labels.Namespace, values: distinct(d.opt.Namespaces)}}
}

// loadEngines fetches the gauges; if that is too much, over a shorter time.
func (d *discoverer) loadEngines(ctx context.Context, engines []Preset) error {
	if len(engines) == 0 {
		return fmt.Errorf("no engine preset matches %q; there are: %s",
			strings.Join(d.opt.Engines, ", "), strings.Join(Names(false), ", "))
	}
	sel := d.engineSelector(engines)
	r, err := d.client.Query(ctx, over(sel, d.opt.Lookback), d.at)
	if splits(err, d.opt.Lookback) {
		d.assume("Too many samples for %s: only models seen in the last %s were looked for.", d.opt.Lookback, shortLook)
		r, err = d.client.Query(ctx, over(sel, shortLook), d.at)
	}
	if err != nil {
		return err
	}
	d.keep(r, "engines")
	return nil
}

// keep takes an answer and its remarks.
func (d *discoverer) keep(r Result, what string) {
	d.window.Add(r.Matrix)
	for _, text := range r.Warnings {
		d.out.Faults = append(d.out.Faults, policy.Fault{
			Code: FaultPartialResponse, Object: d.client.Name(),
			Text: fmt.Sprintf("source %s answered in part for %s (%s): some models may be missing",
				d.client.Name(), what, strings.TrimSpace(text)),
		})
	}
}

func (d *discoverer) assume(format string, args ...any) {
	d.out.Assumed = append(d.out.Assumed, fmt.Sprintf(format, args...))
}

// notFound looks for series that resemble those of engines.
func (d *discoverer) notFound(ctx context.Context, engines []Preset) error {
	e := &NotFoundError{Source: d.client.Name(), URL: d.client.URL(), Where: d.where(), Looked: map[string][]string{}}
	for _, p := range engines {
		e.Looked[p.Name] = loadNames(p)
	}
	r, err := d.client.Query(ctx, nearQuery(engines), d.at)
	if err != nil {
		return e // what was looked for is the better message
	}
	for _, s := range r.Matrix {
		e.Near = append(e.Near, string(s.Metric["__name__"]))
	}
	sort.Strings(e.Near)
	e.Near = e.Near[:min(len(e.Near), 20)]
	return e
}

// where says what part of the source was looked at.
func (d *discoverer) where() string {
	span := fmt.Sprintf(" in the %s up to %s", d.opt.Lookback, d.at.UTC().Format(time.RFC3339))
	if len(d.namespaceScope()) == 0 {
		return span
	}
	return " in namespace " + strings.Join(d.opt.Namespaces, " or ") + span
}

// nearQuery lists names that begin like an engine's or speak of waiting requests.
func nearQuery(engines []Preset) string {
	var parts []string
	for _, p := range engines {
		for _, n := range loadNames(p) {
			if i := strings.IndexAny(n, ":_"); i > 0 && !p.NeedsScope {
				parts = append(parts, n[:i]+"[:_].+")
			}
		}
	}
	parts = append(distinct(parts), ".*num_requests_(running|waiting).*", ".*kv_cache_usage.*")
	const query = `topk(20, count by (__name__) ({__name__=~"%s",__name__!~".*_bucket"}))`
	return fmt.Sprintf(query, strings.Join(parts, "|"))
}
