package signals

import (
	"math"
	"sort"
	"time"

	"github.com/prometheus/common/model"
)

// view is one preset read through one binding at one moment.
type view struct {
	e      *Evaluator
	b      Binding
	p      Preset
	w      *Window
	at     time.Time
	opt    Options
	faults *faultSet
	jobs   map[string]bool // of the engine targets seen
}

// track is one series as far as it matters: copies are gone, samples end at the
// moment read.
type track struct {
	s       *Series
	target  string
	samples []Sample
	ended   bool // no longer exported, while the target lives on
}

func (t *track) last() Sample { return t.samples[len(t.samples)-1] }

// unit is one pod of an engine or one target of a gateway.
type unit struct {
	name    string
	tracks  map[string][]*track // by metric name, in a stable order
	targets map[string]targetState
	newest  time.Time
}

// memory is how far back a series still says something: its rate, or that it has
// gone stale.
func (v *view) memory() time.Duration { return v.opt.RateWindow + v.opt.MaxAge }

// collect sorts series into units by name. Copies of a truth are kept once.
func (v *view) collect(series []*Series, unitOf func(*Series) string) map[string]*unit {
	units := map[string]*unit{}
	for _, s := range series {
		t := v.track(s)
		if t == nil {
			continue
		}
		name := unitOf(s)
		u := units[name]
		if u == nil {
			u = newUnit(name)
			units[name] = u
		}
		u.tracks[s.Name()] = append(u.tracks[s.Name()], t)
		if t.last().T.After(u.newest) {
			u.newest = t.last().T
		}
	}
	for _, u := range units {
		for name, tracks := range u.tracks {
			u.tracks[name] = v.withoutCopies(tracks)
		}
		v.settle(u)
	}
	return units
}

// withoutCopies keeps one track of each truth, in the order given.
func (v *view) withoutCopies(tracks []*track) []*track {
	if len(tracks) == 1 {
		return tracks
	}
	copies := map[string][]*track{}
	var order []string
	for _, t := range tracks {
		id := identity(t.s)
		if copies[id] == nil {
			order = append(order, id)
		}
		copies[id] = append(copies[id], t)
	}
	out := make([]*track, 0, len(order))
	for _, id := range order {
		out = append(out, v.best(copies[id]))
	}
	return out
}

func newUnit(name string) *unit {
	return &unit{name: name, tracks: map[string][]*track{}, targets: map[string]targetState{}}
}

// track cuts a series to the moment read; nil if nothing of it matters.
func (v *view) track(s *Series) *track {
	if n := len(s.Samples); n > 0 && s.Samples[n-1].T.After(v.loaded().Add(v.opt.FutureSkew)) {
		v.faults.add(FaultSampleInFuture, "", s.Name(), "")
	}
	samples := s.Between(v.at.Add(-v.memory()), v.at)
	ended := len(samples) > 0 && IsStale(samples[len(samples)-1].V)
	for len(samples) > 0 && IsStale(samples[len(samples)-1].V) {
		samples = samples[:len(samples)-1]
	}
	if len(samples) == 0 {
		return nil
	}
	return &track{s: s, target: targetOf(s), samples: samples, ended: ended}
}

func (v *view) loaded() time.Time {
	if v.e.Head.IsZero() {
		return v.at
	}
	return v.e.Head
}

// best picks one of the copies that two Prometheus servers wrote of one series: of
// those that are current the one with the longest history, else the first by
// labels. Mixing them would make resets of clock differences.
func (v *view) best(copies []*track) *track {
	newest := copies[0].last().T
	for _, t := range copies {
		if t.last().T.After(newest) {
			newest = t.last().T
		}
	}
	var pick *track
	for _, t := range copies {
		if newest.Sub(t.last().T) > scaled(v.spacing(t.samples), 1.5) {
			continue
		}
		if pick == nil || len(t.samples) > len(pick.samples) {
			pick = t
		}
	}
	return pick
}

// settle finds the state of the unit's targets and marks the series that it no
// longer exports: the target, or another one of the same pod, was scraped since.
func (v *view) settle(u *unit) {
	for _, tracks := range u.tracks {
		for _, t := range tracks {
			if _, ok := u.targets[t.target]; !ok {
				state, _ := v.upState(t.target)
				u.targets[t.target] = state
			}
			if u.targets[t.target] == targetDown {
				continue
			}
			behind := u.newest.Sub(t.last().T)
			t.ended = t.ended || u.targets[t.target] == targetGone || behind > scaled(v.spacing(t.samples), 1.5)
		}
	}
}

// gone says whether every target of the unit was removed from discovery.
func (u *unit) gone() bool {
	for _, s := range u.targets {
		if s != targetGone {
			return false
		}
	}
	return len(u.targets) > 0
}

// down says whether a target of the unit cannot be scraped.
func (u *unit) down() bool {
	for _, s := range u.targets {
		if s == targetDown {
			return true
		}
	}
	return false
}

// of returns the tracks of a metric, those that ended too if asked.
func (u *unit) of(m Metric, mangled, andEnded bool) []*track {
	var out []*track
	for _, t := range u.tracks[m.Name] {
		if (andEnded || !t.ended) && has(t.s, m.Match, mangled) && m.OneOf.has(t.s) {
			out = append(out, t)
		}
	}
	return out
}

// key tells the tracks of one metric apart by their labels without the given ones.
// A track that is alone needs no key.
func key(tracks []*track, t *track, without []string) string {
	if len(tracks) == 1 {
		return ""
	}
	return identity(t.s, without...)
}

// sortedTargets are the unit's targets in a stable order.
func (u *unit) sortedTargets() []string {
	out := make([]string, 0, len(u.targets))
	for t := range u.targets {
		out = append(out, t)
	}
	sort.Strings(out)
	return out
}

// engineUnits are the pods that export series of the model.
func (v *view) engineUnits() map[string]*unit {
	var series []*Series
	v.jobs = map[string]bool{}
	for _, name := range v.p.rawNames() {
		for _, s := range v.candidates(name) {
			if v.ours(s) {
				v.jobs[s.Label(model.JobLabel)] = true
				series = append(series, s)
			}
		}
	}
	return v.collect(series, v.podOf)
}

// candidates narrows the series of a name by the most selective label known.
func (v *view) candidates(name string) []*Series {
	if l := v.modelLabel(); l != "" && v.b.ModelName != "" {
		return v.e.index.byLabel(v.w, name, l, v.b.ModelName)
	}
	if l := v.b.Labels.Namespace; l != "" && v.b.Model.Namespace != "" {
		return v.e.index.byLabel(v.w, name, l, v.b.Model.Namespace)
	}
	return v.w.Select(name)
}

func (v *view) modelLabel() string {
	if v.b.Labels.Model != "" {
		return v.b.Labels.Model
	}
	return v.p.ModelLabel
}

// ours says whether an engine series belongs to the binding.
func (v *view) ours(s *Series) bool {
	if l := v.b.Labels.Namespace; l != "" && label(s, l) != v.b.Model.Namespace {
		return false
	}
	if l := v.modelLabel(); l != "" && v.b.ModelName != "" && label(s, l) != v.b.ModelName {
		return false
	}
	return has(s, v.p.Scope, v.p.Mangled) && has(s, v.b.Matchers, false)
}

// podOf names the serving unit of an engine series.
func (v *view) podOf(s *Series) string {
	for _, l := range v.p.PodLabels {
		if name := label(s, l); name != "" {
			return name
		}
	}
	if l := v.b.Labels.Pod; l != "" {
		if name := label(s, l); name != "" {
			return name
		}
	}
	return s.Label(model.InstanceLabel)
}

// usable says whether a sample is fresh enough to speak for the present.
func (v *view) usable(s Sample) bool { return v.at.Sub(s.T) <= v.opt.MaxAge }

// finite says whether a value is a number at all.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
