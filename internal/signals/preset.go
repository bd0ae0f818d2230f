package signals

import (
	"slices"
	"sort"
)

// Signal is a named quantity that presets map to series.
type Signal string

// The signals of engines and gateways.
const (
	Pending      Signal = "pending"
	Running      Signal = "running"
	KV           Signal = "kv"
	Completions  Signal = "completions"
	PromptTokens Signal = "promptTokens"
	CachedTokens Signal = "cachedTokens" // prompt tokens answered from the prefix cache
	OutputTokens Signal = "outputTokens"
	TTFT         Signal = "ttft"
	ITL          Signal = "itl"
	Arrivals     Signal = "arrivals"  // gateways: requests counted in front of the engines
	Queue        Signal = "queue"     // gateways: requests held in front of the engines
	InFlight     Signal = "inFlight"  // gateways: requests between arrival and end of response
	Refused      Signal = "refused"   // gateways: requests answered by an error or 429
	Endpoints    Signal = "endpoints" // gateways: engines seen; also shows that the gateway itself is scraped
)

// AllSignals lists the signals in the order in which tables show them.
func AllSignals() []Signal {
	return []Signal{
		Pending, Running, KV, Completions, PromptTokens, CachedTokens, OutputTokens, TTFT, ITL,
		Arrivals, Queue, InFlight, Refused, Endpoints,
	}
}

// UpSeries is Prometheus' own verdict on a scrape: 1 if the target answered.
const UpSeries = "up"

// Kind is the type of a series.
type Kind int

// The kinds of series. A gauge that only counts up is a Counter here.
const (
	Gauge Kind = iota
	Counter
	Histogram
)

// Fold says how several series of one pod become one value.
type Fold int

// The folds.
const (
	Sum Fold = iota
	Max
	Mean
)

// Metric is one series name that can give a signal: a row of a preset table.
type Metric struct {
	Name  string
	Kind  Kind
	Match map[string]string // label values that must be there; "" = label must be absent or empty
	OneOf *OneOf            // a label of which one of several values must be there; nil = any
	Drop  []string          // labels that multiply one truth (tensor-parallel ranks): max over them first
	Fold  Fold              // over what remains within one pod
	Scale float64           // multiply by; 0 = 1 (milliseconds to seconds: 0.001)
	Over  *Metric           // divide by this one (used / max blocks), series by series
	Plus  []Metric          // add these where present (sub-queues)
	// Late says that the series appears only after first use: absent is then a
	// proven zero if, and only if, its target is up and nothing on that target
	// shows that it was used.
	Late bool
	// AtEnd says that a counter counts when the response has ended: arrivals are
	// then its increase plus the change of what is in flight.
	AtEnd bool
	// Includes names the engine signals that a gateway gauge counts as well: they
	// are subtracted to get what is held in front of the engines.
	Includes []Signal
}

// OneOf are the values that a label may have.
type OneOf struct {
	Label  string
	Values []string
}

// has says whether a series has one of the values; a nil OneOf asks for none.
func (o *OneOf) has(s *Series) bool { return o == nil || slices.Contains(o.Values, label(s, o.Label)) }

// turnedAway are the status codes of answers that clients try again after.
func turnedAway(label string) *OneOf {
	return &OneOf{Label: label, Values: []string{"429", "500", "502", "503", "504"}}
}

// Preset is one engine or gateway as a table: for each signal the names that can
// give it, newest first. The first name with a fresh sample wins, for each pod on
// its own (a rolling upgrade has both); names are never summed, because exporters
// emit old and new names side by side.
type Preset struct {
	Name       string
	Gateway    bool   // a demand source that exists at zero replicas
	ModelLabel string // label that carries the model id; "" = none
	// PodLabels are the labels that name the serving unit, the first present wins;
	// empty = Labels.Pod of the binding. The instance label is the last resort.
	PodLabels []string
	// NamespaceLabels are labels of a gateway's series that carry the namespace of
	// the model; where present they must equal it.
	NamespaceLabels []string
	Scope           map[string]string // matchers every series needs (production-stack: server="")
	NeedsScope      bool              // names are unprefixed: the binding must scope by job
	Mangled         bool              // label values have ':' replaced by '_' (Envoy)
	Signals         map[Signal][]Metric
	Doc             string // where the names come from, renames, traps
	Maintenance     string // set if upstream is no longer developed
}

// SeriesNames are the gauges and counters that are fetched raw, sorted, with up,
// which tells absent from zero. Sub-queues and divisors are among them.
func (p Preset) SeriesNames() []string {
	names := []string{UpSeries}
	for _, n := range p.rawNames() {
		if n != UpSeries {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return names
}

// Histograms are the histogram rows by signal, newest first; names are without
// the _bucket suffix. Rows in Plus are phases whose quantiles add up.
func (p Preset) Histograms() map[Signal][]Metric {
	out := map[Signal][]Metric{}
	for sig, rows := range p.Signals {
		for _, m := range rows {
			if m.Kind == Histogram {
				out[sig] = append(out[sig], m)
			}
		}
	}
	return out
}

// rawNames are the distinct names of gauges and counters, sorted.
func (p Preset) rawNames() []string {
	set := map[string]bool{}
	for _, rows := range p.Signals {
		for _, m := range rows {
			for _, part := range m.parts() {
				if part.Kind != Histogram {
					set[part.Name] = true
				}
			}
		}
	}
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// parts are the metric itself, its divisor and its addends.
func (m Metric) parts() []Metric {
	out := []Metric{m}
	if m.Over != nil {
		out = append(out, *m.Over)
	}
	return append(out, m.Plus...)
}

// scale is the factor of the metric.
func (m Metric) scale() float64 {
	if m.Scale == 0 {
		return 1
	}
	return m.Scale
}

// wholeLate says whether every raw row appears only after first use, so that an
// unused engine shows nothing at all.
func (p Preset) wholeLate() bool {
	for _, rows := range p.Signals {
		for _, m := range rows {
			if m.Kind != Histogram && !m.Late {
				return false
			}
		}
	}
	return true
}

// unitsArePods says whether the serving unit carries the name of its Kubernetes
// pod, so that it can be compared with the pods the cluster expects.
func (p Preset) unitsArePods() bool { return len(p.PodLabels) == 0 }
