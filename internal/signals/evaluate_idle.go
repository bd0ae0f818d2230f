package signals

import (
	"sort"
	"time"

	"github.com/prometheus/common/model"
)

// unused says whether the absence of a series that appears at first use proves a
// zero: every target of the unit is up, and no counter on it shows that it was
// used. A renamed series therefore never reads as idle once there was traffic.
// The age is that of the oldest verdict.
func (v *view) unused(u *unit) (time.Duration, bool) {
	targets := v.proofTargets(u)
	age := time.Duration(0)
	for _, ups := range targets {
		state, since := v.judge(ups)
		switch state {
		case targetGone:
			continue
		case targetUp:
			age = max(age, since)
		case targetDown, targetUnknown:
			return 0, false
		}
	}
	if len(targets) == 0 || age > v.opt.MaxAge || v.counted(u) {
		return 0, false
	}
	return age, v.anyUp(targets)
}

func (v *view) anyUp(targets [][]*Series) bool {
	for _, ups := range targets {
		if state, _ := v.judge(ups); state == targetUp {
			return true
		}
	}
	return false
}

// counted says whether a counter of the unit has counted anything.
func (v *view) counted(u *unit) bool {
	for _, rows := range v.p.Signals {
		for _, m := range rows {
			for _, part := range m.parts() {
				if part.Kind == Counter && v.above(u, part) {
					return true
				}
			}
		}
	}
	return false
}

func (v *view) above(u *unit, m Metric) bool {
	for _, t := range u.of(m, v.p.Mangled, false) {
		if t.last().V > 0 {
			return true
		}
	}
	return false
}

// proofTargets are the up series of the targets that must be up for absence to be
// a proof: those that export other series of the preset. If all series of the
// preset appear at first use there may be none of them; then the pod's targets of
// the engine's job, as the binding or the model's other pods tell it: a sidecar
// that is up proves nothing.
func (v *view) proofTargets(u *unit) [][]*Series {
	ups := v.e.index.byTarget(v.w, UpSeries, nil)
	if len(u.targets) > 0 {
		out := make([][]*Series, 0, len(u.targets))
		for _, t := range u.sortedTargets() {
			out = append(out, ups[t])
		}
		return out
	}
	if !v.p.wholeLate() || v.p.Gateway || v.b.Labels.Pod == "" {
		return nil
	}
	var found []*Series
	for _, s := range v.e.index.byLabel(v.w, UpSeries, v.b.Labels.Pod, u.name) {
		if v.engineTarget(s) {
			found = append(found, s)
		}
	}
	return groupTargets(found)
}

// engineTarget says whether an up series is that of an engine of the binding.
func (v *view) engineTarget(up *Series) bool {
	if l := v.b.Labels.Namespace; l != "" && label(up, l) != v.b.Model.Namespace {
		return false
	}
	told := len(v.b.Matchers) > 0 && has(up, v.b.Matchers, false)
	return told || len(v.b.Matchers) == 0 && v.jobs[up.Label(model.JobLabel)]
}

// groupTargets puts the copies of each target's up series together.
func groupTargets(series []*Series) [][]*Series {
	byTarget := map[string][]*Series{}
	for _, s := range series {
		byTarget[targetOf(s)] = append(byTarget[targetOf(s)], s)
	}
	keys := make([]string, 0, len(byTarget))
	for k := range byTarget {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	out := make([][]*Series, 0, len(keys))
	for _, k := range keys {
		out = append(out, byTarget[k])
	}
	return out
}
