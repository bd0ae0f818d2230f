package signals

import (
	"fmt"
	"sort"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// ratios are the signals that are shares, 0..1.
var ratios = map[Signal]bool{KV: true}

// signal reads one signal of one unit: the newest name with a fresh sample wins;
// names are never summed. If none is there and the preset says that its series
// appear at first use only, it is a zero as far as the unit was provably not used.
func (v *view) signal(u *unit, sig Signal) Quantity {
	rows := v.p.Signals[sig]
	if len(rows) == 0 {
		return Quantity{}
	}
	best := Quantity{State: policy.Absent, Series: rows[0].Name}
	late := false
	for i := range rows {
		q := v.read(u, rows[i], sig)
		q.row = &rows[i]
		if q.State == policy.Fresh {
			return q
		}
		if severity(q) > severity(best) {
			best = q
		}
		late = late || rows[i].Late
	}
	if best.State == policy.Absent && late && !best.short {
		if age, ok := v.unused(u); ok {
			return Quantity{Reading: policy.Seen(0, age), State: policy.Idling, Series: rows[0].Name, row: &rows[0]}
		}
	}
	if best.short {
		v.faults.add(FaultHistoryShort, sig, best.Series+"{"+u.name+"}", "")
	}
	return best
}

// severity orders the reasons for not knowing by how much they say.
func severity(q Quantity) int {
	switch {
	case q.State == policy.Invalid:
		return 3
	case q.State == policy.Stale:
		return 2
	case q.short:
		return 1
	default:
		return 0
	}
}

// read reads one row of one unit, with its addends where they are present.
func (v *view) read(u *unit, m Metric, sig Signal) Quantity {
	one := v.gauge
	if m.Kind == Counter {
		one = v.counter
	}
	q := one(u, m, sig)
	if !q.Known {
		return q
	}
	for _, plus := range m.Plus {
		add := one(u, plus, sig)
		switch {
		case add.Known:
			q.Value += add.Value
			q.Age = max(q.Age, add.Age)
			q.Partial = q.Partial || add.Partial
		case add.State != policy.Absent:
			q.Partial = true
		}
	}
	return q
}

// tally gathers the series of one metric in one unit.
type tally struct {
	groups  map[string]float64
	age     time.Duration
	stale   bool
	invalid bool
}

func (t *tally) put(group string, value float64, age time.Duration) {
	if old, ok := t.groups[group]; !ok || value > old {
		t.groups[group] = value
	}
	t.age = max(t.age, age)
}

// quantity folds what was gathered. What some parts do not tell leaves a lower
// bound; a lower bound of zero says nothing and is unknown.
func (t *tally) quantity(m Metric) Quantity {
	lacking := t.stale || t.invalid
	if len(t.groups) > 0 {
		if value := fold(t.groups, m.Fold); !lacking || value > 0 {
			return Quantity{
				Reading: policy.Seen(value, t.age), State: policy.Fresh, Series: m.Name, Partial: lacking,
			}
		}
	}
	q := Quantity{State: policy.Absent, Series: m.Name}
	switch {
	case t.invalid:
		q.State = policy.Invalid
	case t.stale:
		q.State = policy.Stale
	}
	return q
}

// fold makes one value of several, in a stable order.
func fold(groups map[string]float64, f Fold) float64 {
	if len(groups) == 1 {
		for _, value := range groups {
			return value
		}
	}
	keys := make([]string, 0, len(groups))
	for k := range groups {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	out := 0.0
	for _, k := range keys {
		if f == Max {
			out = max(out, groups[k])
		} else {
			out += groups[k]
		}
	}
	if f == Mean {
		out /= float64(len(groups))
	}
	return out
}

// gauge reads the newest samples of a gauge: ranks that repeat one truth by their
// maximum, what remains by the fold. The age is that of the oldest part.
func (v *view) gauge(u *unit, m Metric, sig Signal) Quantity {
	t := &tally{groups: map[string]float64{}}
	over := v.divisors(u, m)
	tracks := u.of(m, v.p.Mangled, false)
	for _, tr := range tracks {
		last := tr.last()
		if !v.usable(last) {
			t.stale = true
			continue
		}
		value := last.V * m.scale()
		if m.Over != nil {
			divisor, ok := over[identity(tr.s, joinLabels(m)...)]
			if !ok {
				continue
			}
			value /= divisor
		}
		if !v.sane(u, m, sig, value) {
			t.invalid = true
			continue
		}
		t.put(key(tracks, tr, m.Drop), value, v.at.Sub(last.T))
	}
	return t.quantity(m)
}

// joinLabels are the labels in which a metric and its divisor differ.
func joinLabels(m Metric) []string {
	out := append([]string(nil), m.Drop...)
	for l := range m.Match {
		out = append(out, l)
	}
	for l := range m.Over.Match {
		out = append(out, l)
	}
	return out
}

// divisors are the values to divide by, by the labels that join.
func (v *view) divisors(u *unit, m Metric) map[string]float64 {
	if m.Over == nil {
		return nil
	}
	out := map[string]float64{}
	for _, tr := range u.of(*m.Over, v.p.Mangled, false) {
		if last := tr.last(); v.usable(last) {
			k := identity(tr.s, joinLabels(m)...)
			out[k] = max(out[k], last.V*m.Over.scale())
		}
	}
	return out
}

// absurd is more than any engine can hold: a gauge above it is a broken exporter.
const absurd = 1e9

// sane refuses what no level or share can be, and says so. Nothing is clamped: a
// percentage would read as a full cache, or as an empty one.
func (v *view) sane(u *unit, m Metric, sig Signal, value float64) bool {
	object := m.Name + "{" + u.name + "}"
	switch {
	case !finite(value) || value < 0 || value > absurd && m.Kind == Gauge:
		v.faults.add(FaultSeriesInvalid, sig, object, fmt.Sprintf("got %g", value))
	case ratios[sig] && value > 1:
		v.faults.add(FaultRatioAboveOne, sig, object, fmt.Sprintf("got %g, want 0..1", value))
	default:
		return true
	}
	return false
}
