package signals

import (
	"fmt"
	"sort"

	"github.com/forewarm/forewarm/policy"
)

// podSignals are what each pod reports.
var podSignals = []Signal{Pending, Running, KV, Completions, PromptTokens, CachedTokens, OutputTokens}

// needed are the signals without which demand is not fully seen. What a preset
// offers of the others, but an engine's version does not export at all, is said in
// a fault and does not bind.
var needed = map[Signal]bool{Pending: true, Running: true, Completions: true}

// fleetView is what all pods of a model report.
type fleetView struct {
	pods    []PodEvaluation
	units   map[string]*unit // also those that are no longer listed
	partial bool
}

// rows are what is known of each listed pod.
func (f fleetView) rows() map[string]map[Signal]Quantity {
	out := map[string]map[Signal]Quantity{}
	for _, p := range f.pods {
		out[p.Name] = p.Signals
	}
	return out
}

// fleet evaluates the pods that are expected and those that report.
func (v *view) fleet(expected []string) fleetView {
	f := fleetView{units: v.engineUnits()}
	names := v.listed(f.units, expected)
	for _, name := range names {
		u := f.units[name]
		if u == nil {
			u = newUnit(name)
			f.units[name] = u
		}
		f.pods = append(f.pods, PodEvaluation{Name: name, Signals: v.podSignals(u)})
	}
	if len(names) == 0 && expected == nil {
		f.partial = true
		v.faults.add(FaultSeriesAbsent, "", v.firstNames(), "no pod of the model reports")
	}
	f.partial = v.silent(&f, expected) || f.partial
	f.partial = v.lacking(f.pods) || f.partial
	return f
}

// firstNames are the series that were looked for, for people.
func (v *view) firstNames() string {
	for _, sig := range podSignals {
		if rows := v.p.Signals[sig]; len(rows) > 0 {
			return rows[0].Name
		}
	}
	return v.p.Name
}

// podSignals reads every signal of one pod.
func (v *view) podSignals(u *unit) map[Signal]Quantity {
	out := map[Signal]Quantity{}
	for _, sig := range podSignals {
		if q := v.signal(u, sig); q.offered() {
			out[sig] = q
		}
	}
	return out
}

// listed are the names of the pods that count, sorted: those expected, and those
// that report although nobody expects them (terminating pods finish their work).
// A pod that was removed from discovery does not count, however fresh its last
// sample. Where nobody knows what to expect, one that fell silent stays listed.
func (v *view) listed(units map[string]*unit, expected []string) []string {
	known := expected != nil && v.comparable(units)
	set := map[string]bool{}
	if known {
		for _, name := range expected {
			set[name] = true
		}
	}
	for name, u := range units {
		if !u.gone() && (!known || v.usable(Sample{T: u.newest})) {
			set[name] = true
		}
	}
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// comparable says whether units carry the names of pods. Without a pod label they
// are called by their address.
func (v *view) comparable(units map[string]*unit) bool {
	if !v.p.unitsArePods() {
		return false
	}
	for _, u := range units {
		for _, tracks := range u.tracks {
			if v.b.Labels.Pod == "" || label(tracks[0].s, v.b.Labels.Pod) == "" {
				return false
			}
			break
		}
	}
	return true
}

// silent finds the pods that report nothing, or whose scrapes fail while their last
// samples are still young, and says why as far as is known. One failed scrape is
// no loss: in a large fleet there is always one.
func (v *view) silent(f *fleetView, expected []string) bool {
	partial, reporting := false, 0
	for _, p := range f.pods {
		u := f.units[p.Name]
		if p.reports() {
			reporting++
			if u != nil && u.down() && v.at.Sub(u.newest) > scaled(v.opt.ScrapeInterval, goneAfter) {
				partial = true
				v.faults.add(FaultTargetDown, "", p.Name, "")
			}
			continue
		}
		partial = true
		switch {
		case u != nil && u.down():
			v.faults.add(FaultTargetDown, "", p.Name, "")
		case listed(expected, p.Name):
			v.faults.add(FaultPodMissing, "", p.Name, "")
		default:
			v.faults.add(FaultSeriesStale, "", p.Name, "the pod fell silent")
		}
	}
	if !v.comparable(f.units) && v.p.unitsArePods() && reporting < len(expected) {
		partial = true
		v.faults.add(FaultPodMissing, "", fmt.Sprintf("%d of %d pods", len(expected)-reporting, len(expected)),
			"series have no pod label")
	}
	return partial
}

// reports says whether anything of the pod is known.
func (p PodEvaluation) reports() bool {
	for _, q := range p.Signals {
		if q.Known {
			return true
		}
	}
	return false
}

// partial says whether something of the pod is only a lower bound.
func (p PodEvaluation) partial() bool {
	for _, q := range p.Signals {
		if q.Known && q.Partial {
			return true
		}
	}
	return false
}

// lacking finds signals that some or all of the reporting pods do not give.
func (v *view) lacking(pods []PodEvaluation) bool {
	partial := false
	for _, sig := range podSignals {
		if sig == CachedTokens {
			continue // optional: without it all prompt tokens count as uncached
		}
		given := 0
		for _, p := range pods {
			if p.Signals[sig].Known {
				given++
			}
		}
		for _, p := range pods {
			q, ok := p.Signals[sig]
			if ok && p.reports() && v.lacks(sig, q, p.Name, given > 0) {
				partial = true
			}
		}
	}
	return partial
}

// lacks says whether a pod's signal is missing so that the whole is partial, and
// reports it.
func (v *view) lacks(sig Signal, q Quantity, pod string, elsewhere bool) bool {
	object := q.Series + "{" + pod + "}"
	switch q.State {
	case policy.Stale:
		v.faults.add(FaultSeriesStale, sig, object, "")
		return true
	case policy.Invalid:
		return true // said when it was read
	case policy.Absent:
		if !q.short {
			v.faults.add(FaultSeriesAbsent, sig, object, "")
		}
		return needed[sig] || elsewhere
	case policy.Fresh, policy.Idling:
	}
	return q.Partial
}

// pods turns evaluations into what policy reads.
func (f fleetView) policyPods() []policy.Pod {
	out := make([]policy.Pod, 0, len(f.pods))
	for _, p := range f.pods {
		out = append(out, policy.Pod{
			Name:         p.Name,
			Pending:      p.Signals[Pending].Reading,
			Running:      p.Signals[Running].Reading,
			KV:           p.Signals[KV].Reading,
			Completions:  p.Signals[Completions].Reading,
			PromptTokens: uncached(p.Signals[PromptTokens].Reading, p.Signals[CachedTokens].Reading),
			CachedTokens: p.Signals[CachedTokens].Reading,
			OutputTokens: p.Signals[OutputTokens].Reading,
			Partial:      p.partial(),
		})
	}
	return out
}

// uncached is the prompt tokens that the engine had to compute: prompt - cached,
// where the engine tells, else all of them.
func uncached(prompt, cached policy.Reading) policy.Reading {
	if !prompt.Known || !cached.Known {
		return prompt
	}
	return policy.Seen(max(0, prompt.Value-cached.Value), max(prompt.Age, cached.Age))
}
