package signals

import (
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// copyLabels tell apart copies of one truth: the pair of a highly available
// Prometheus, seen through one query frontend.
var copyLabels = map[string]bool{
	"prometheus_replica": true, "replica": true, "__replica__": true, "receive_replica": true,
}

// pathLabels tell apart two ways of scraping one process (a PodMonitor and a
// ServiceMonitor). They are no part of a series' identity if instance is there.
var pathLabels = map[string]bool{"job": true, "service": true, "endpoint": true, "prometheus": true}

// label reads a label that the application, or whoever knew the true pod, wrote.
// Where it clashed with a label of the scrape target, Prometheus kept the target's
// and renamed the application's to exported_*, which is then the truth.
func label(s *Series, name string) string {
	if v := s.Label("exported_" + name); v != "" {
		return v
	}
	return s.Label(name)
}

// has says whether a series has the wanted label values; "" = absent or empty.
func has(s *Series, want map[string]string, mangled bool) bool {
	for name, v := range want {
		got := label(s, name)
		if got != v && (!mangled || mangle(got) != mangle(v)) {
			return false
		}
	}
	return true
}

// mangle is how Envoy spells a name.
func mangle(s string) string { return strings.ReplaceAll(s, ":", "_") }

// targetOf identifies the scrape target of a series: one process, one port of one
// pod (an address may be used again). The labels are the target's own, never the
// exported_* ones.
func targetOf(s *Series) string {
	pod := s.Label("namespace") + "\xff" + s.Label("pod")
	instance := s.Label(model.InstanceLabel)
	if instance == "" {
		return pod
	}
	return pod + "\xff" + s.Label(model.JobLabel) + "\xff" + instance
}

// targetName is a target for people: namespace/pod/job/instance, what there is.
func targetName(target string) string {
	parts := strings.FieldsFunc(target, func(r rune) bool { return r == utf8.RuneError })
	return strings.Join(parts, "/")
}

// identity is what makes a series one truth: its labels without those that only
// tell copies apart and without the given ones.
func identity(s *Series, without ...string) string {
	_, hasInstance := s.Metric[model.InstanceLabel]
	names := make([]string, 0, len(s.Metric))
	for n := range s.Metric {
		name := string(n)
		if n == model.MetricNameLabel || copyLabels[name] || hasInstance && pathLabels[name] || listed(without, name) {
			continue
		}
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, n := range names {
		b.WriteString(n)
		b.WriteByte(0xff)
		b.WriteString(s.Label(n))
		b.WriteByte(0xfe)
	}
	return b.String()
}

func listed(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// seriesIndex groups the series of a window by a label, so that a thousand models
// do not each scan all series. Entries are rebuilt when the window's set of series
// of that name has changed.
type seriesIndex struct {
	groups map[indexKey]indexEntry
	heads  map[headKey]time.Time
}

// headKey is a moment of a window; the index remembers one.
type headKey struct {
	window *Window
	at     time.Time
	count  int
}

type indexKey struct {
	window *Window
	name   string
	by     string
}

type indexEntry struct {
	from  []*Series // what it was built of; the window makes a new slice for every new set
	group map[string][]*Series
}

func newSeriesIndex() *seriesIndex {
	return &seriesIndex{groups: map[indexKey]indexEntry{}, heads: map[headKey]time.Time{}}
}

// upHead is the newest verdict on any target at a moment: how far Prometheus has
// come.
func (x *seriesIndex) upHead(w *Window, at time.Time) time.Time {
	k := headKey{w, at, w.Count()}
	if x != nil {
		if head, ok := x.heads[k]; ok {
			return head
		}
	}
	var head time.Time
	for _, s := range w.Select(UpSeries) {
		if samples := s.Until(at); len(samples) > 0 && samples[len(samples)-1].T.After(head) {
			head = samples[len(samples)-1].T
		}
	}
	if x != nil {
		clear(x.heads)
		x.heads[k] = head
	}
	return head
}

// get returns the series of a name, grouped by key(series); "" is left out. The
// label by names the grouping.
func (x *seriesIndex) get(w *Window, name, by string, key func(*Series) string) map[string][]*Series {
	all := w.Select(name)
	k := indexKey{w, name, by}
	if x != nil {
		e, ok := x.groups[k]
		if ok && len(e.from) == len(all) && (len(all) == 0 || &e.from[0] == &all[0]) {
			return e.group
		}
	}
	group := map[string][]*Series{}
	for _, s := range all {
		if v := key(s); v != "" {
			group[v] = append(group[v], s)
		}
	}
	if x != nil {
		x.groups[k] = indexEntry{from: all, group: group}
	}
	return group
}

// byLabel returns the series of a name with a label value.
func (x *seriesIndex) byLabel(w *Window, name, labelName, value string) []*Series {
	return x.get(w, name, labelName, func(s *Series) string { return label(s, labelName) })[value]
}

// byTarget groups the series of a name that has the matchers by scrape target.
func (x *seriesIndex) byTarget(w *Window, name string, match map[string]string) map[string][]*Series {
	keys := make([]string, 0, len(match))
	for k, v := range match {
		keys = append(keys, k+"="+v)
	}
	sort.Strings(keys)
	return x.get(w, name, "\xfftarget\xff"+strings.Join(keys, "\xff"), func(s *Series) string {
		if !has(s, match, false) {
			return ""
		}
		return targetOf(s)
	})
}
