package signals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/forewarm/forewarm/policy"
)

// Supplier gives replicas where kube-state-metrics does not: the Kubernetes API.
// It returns one Supply per variant of the binding, the pods that should be
// answering (nil = not known), what is wrong, and whether anything is known at
// that moment.
type Supplier interface {
	Supply(b Binding, at time.Time) ([]policy.Supply, []string, []policy.Fault, bool)
}

// Reader answers for every bound model from its sources. All I/O is in Load; At
// is a pure read of what was loaded, except that a completed warm-up is handed
// out at one moment only. Load and At are for one goroutine; SetBindings may be
// called from any.
type Reader struct {
	sources  map[string]*source
	names    []string // of the sources, in the order given
	bindings []Binding
	opt      Options
	eval     Evaluator
	supplier Supplier

	mu      sync.Mutex
	pending []Binding
	changed bool
}

// NewReader reads the bindings from the clients. A binding without a source name
// means the first client.
func NewReader(clients []*Client, bindings []Binding, opt Options) *Reader {
	r := &Reader{sources: map[string]*source{}, opt: opt, eval: NewEvaluator(opt)}
	for _, c := range clients {
		r.sources[c.Name()] = newSource(c, opt)
		r.names = append(r.names, c.Name())
	}
	r.SetBindings(bindings)
	r.adopt()
	return r
}

// SetBindings replaces the bindings from the next Load on (hot reload). What was
// loaded is kept; what the new bindings lack is loaded with the usual lookback.
func (r *Reader) SetBindings(bindings []Binding) {
	sorted := slices.Clone(bindings)
	slices.SortFunc(sorted, func(a, b Binding) int { return a.Model.Compare(b.Model) })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending, r.changed = sorted, true
}

// SetSupplier names the fallback for supply. Call it before the first Load.
func (r *Reader) SetSupplier(s Supplier) { r.supplier = s }

// SetPresets adds presets to the built-in ones (custom engines). Call it before
// the first Load.
func (r *Reader) SetPresets(custom map[string]Preset) {
	r.eval.Custom = custom
	for _, s := range r.sources {
		s.presets = custom
	}
}

func (r *Reader) adopt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.changed {
		return
	}
	r.bindings, r.pending, r.changed = r.pending, nil, false
	for i := range r.bindings {
		if r.bindings[i].Source == "" && len(r.names) > 0 {
			r.bindings[i].Source = r.names[0]
		}
	}
	for _, s := range r.sources {
		s.covered = map[string]time.Time{}
	}
}

// Load makes the moments in (from, to] answerable. A source that fails becomes a
// fault of its models; it is an error only if every source failed.
func (r *Reader) Load(ctx context.Context, from, to time.Time) error {
	r.adopt()
	bySource := map[string][]Binding{}
	for _, b := range r.bindings {
		bySource[b.Source] = append(bySource[b.Source], b)
	}
	var (
		g    errgroup.Group
		used []string
	)
	errs := make([]error, len(r.names))
	for i, name := range r.names {
		if len(bySource[name]) == 0 {
			continue
		}
		used = append(used, name)
		g.Go(func() error {
			errs[i] = r.sources[name].load(ctx, bySource[name], from, to)
			return nil
		})
	}
	_ = g.Wait() // errors are kept per source
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return fmt.Errorf("load up to %s: %w", to.Format(time.RFC3339), err)
	}
	failed := 0
	for _, err := range errs {
		if err != nil {
			failed++
		}
	}
	if failed > 0 && failed == len(used) {
		return errors.Join(errs...)
	}
	return nil
}

// At says what was known at a moment, one Input per model, sorted by ID.
func (r *Reader) At(at time.Time) []policy.Input {
	clusters := map[string]*ksmView{}
	for name, s := range r.sources {
		c := viewAt(s.window, at)
		s.lives.observe(c)
		clusters[name] = c
	}
	out := make([]policy.Input, 0, len(r.bindings))
	for _, b := range r.bindings {
		s, ok := r.sources[b.Source]
		if !ok {
			out = append(out, r.misbound(b, at, FaultSourceUnknown, fmt.Sprintf(
				"source %q is not configured; there are: %s", b.Source, strings.Join(r.names, ", "))))
			continue
		}
		out = append(out, r.input(s, clusters[b.Source], b, at))
	}
	return out
}

// misbound is the input of a model that cannot be read at all.
func (r *Reader) misbound(b Binding, at time.Time, code, text string) policy.Input {
	in := policy.Input{
		Model: b.Model, Now: at, Signals: policy.Signals{Partial: true},
		Faults: []policy.Fault{{Code: code, Text: text}},
	}
	for _, v := range b.Variants {
		in.Supply = append(in.Supply, policy.Supply{Variant: v.Name})
	}
	return in
}

// input reads one model.
func (r *Reader) input(s *source, c *ksmView, b Binding, at time.Time) policy.Input {
	in := policy.Input{Model: b.Model, Now: at}
	eval := r.eval
	eval.Head = s.head
	supply, expected, faults := r.supply(eval, s, c, b, at)
	sig, more := eval.Signals(b, s.window, at, expected)
	r.quantiles(s, b, at, &sig)
	c.assign(b, sig.Pods)
	in.Signals, in.Supply, in.Faults = sig, supply, append(more, faults...)
	s.blame(b, at, &in)
	sortFaults(in.Faults)
	return in
}

// supply asks kube-state-metrics, then the Kubernetes API, then the engine pods
// themselves.
func (r *Reader) supply(
	eval Evaluator, s *source, c *ksmView, b Binding, at time.Time,
) ([]policy.Supply, []string, []policy.Fault) {
	if c.has(b.Model.Namespace) {
		return c.supply(b, s.lives, r.opt)
	}
	if r.supplier != nil {
		if supply, expected, faults, ok := r.supplier.Supply(b, at); ok {
			return supply, expected, faults
		}
	}
	sig, _ := eval.Signals(b, s.window, at, nil)
	return assumedSupply(b, sig.Pods, s.window, at, r.opt)
}

// quantiles fills the latencies that PromQL computed.
func (r *Reader) quantiles(s *source, b Binding, at time.Time, sig *policy.Signals) {
	p, _ := s.presets.lookup(b.Engine)
	g := queryGroup{preset: p, labels: b.Labels}
	sig.TTFTP95 = quantile(s.window, g, b, ttftQuantile, at, r.opt)
	sig.ITLP95 = quantile(s.window, g, b, itlQuantile, at, r.opt)
}

// blame adds what went wrong while loading this moment. If the engine's series
// could not be fetched, every signal is unknown: the decision is held.
func (s *source) blame(b Binding, at time.Time, in *policy.Input) {
	keys := map[string]bool{
		UpSeries: true, "kube-state-metrics": true, "engine " + b.Engine: true, "quantiles " + b.Engine: true,
	}
	if b.Gateway != nil {
		keys["gateway "+b.Gateway.Preset], keys[gatewayUp] = true, true
	}
	for _, f := range s.faults {
		if !keys[f.key] || !at.After(f.from) || at.After(f.to) {
			continue
		}
		if !slices.Contains(in.Faults, f.fault) {
			in.Faults = append(in.Faults, f.fault)
		}
		in.Signals.Partial = in.Signals.Partial || !f.remark
		if f.failed && f.key == "engine "+b.Engine {
			in.Signals = forgotten(in.Signals)
		}
	}
}

// forgotten keeps the ages and drops the values.
func forgotten(sig policy.Signals) policy.Signals {
	old := func(r policy.Reading) policy.Reading { return policy.Reading{Age: r.Age} }
	out := policy.Signals{
		Partial: true, GatewayQueue: old(sig.GatewayQueue), Arrivals: old(sig.Arrivals), Refused: old(sig.Refused),
		TTFTP95: old(sig.TTFTP95), ITLP95: old(sig.ITLP95),
	}
	for _, p := range sig.Pods {
		out.Pods = append(out.Pods, policy.Pod{
			Name: p.Name, Variant: p.Variant, Pending: old(p.Pending), Running: old(p.Running), KV: old(p.KV),
			Completions: old(p.Completions), PromptTokens: old(p.PromptTokens), OutputTokens: old(p.OutputTokens),
			CachedTokens: old(p.CachedTokens),
		})
	}
	return out
}

// assign tells the engine's pods which variant they are: the owner knows better
// than the name, and a model with one variant needs neither.
func (c *ksmView) assign(b Binding, pods []policy.Pod) {
	for i := range pods {
		p := &pods[i]
		if known := c.pod(b.Model.Namespace, p.Name); known != nil {
			if v := c.variantOf(b.Model.Namespace, known, b.Variants); v != "" {
				p.Variant = v
				continue
			}
		}
		if p.Variant == "" {
			p.Variant = variantByName(p.Name, b.Variants)
		}
		if p.Variant == "" && len(b.Variants) == 1 {
			p.Variant = b.Variants[0].Name
		}
	}
}

func sortFaults(faults []policy.Fault) {
	sort.SliceStable(faults, func(i, j int) bool {
		a, b := faults[i], faults[j]
		if a.Code != b.Code {
			return a.Code < b.Code
		}
		return a.Object+a.Signal < b.Object+b.Signal
	})
}
