package signals

import (
	"context"
	"slices"
	"strings"
	"time"
)

// The kube-state-metrics series that supply is read from.
const (
	ksmDeploySpec  = "kube_deployment_spec_replicas"
	ksmDeployReady = "kube_deployment_status_replicas_ready"
	ksmStatefulset = "kube_statefulset_replicas"
	ksmStatefulRdy = "kube_statefulset_status_replicas_ready"
	ksmPodOwner    = "kube_pod_owner"
	ksmReplicaSet  = "kube_replicaset_owner"
	ksmPodCreated  = "kube_pod_created"
	ksmPodReady    = "kube_pod_status_ready"
	ksmPodReadyAt  = "kube_pod_status_ready_time"
	ksmPodPhase    = "kube_pod_status_phase"
	ksmPodSched    = "kube_pod_status_scheduled_time"
	ksmPodDeleted  = "kube_pod_deletion_timestamp"
	ksmRestarts    = "kube_pod_container_status_restarts_total"
)

var ksmNames = []string{
	ksmDeploySpec, ksmDeployReady, ksmStatefulset, ksmStatefulRdy, ksmPodOwner, ksmReplicaSet, ksmPodCreated,
	ksmPodReady, ksmPodReadyAt, ksmPodPhase, ksmPodSched, ksmPodDeleted, ksmRestarts,
}

// ksmFetch narrows to what is needed: of a pod's readiness only the condition
// "true", of its phases only those of living pods.
func ksmFetch(bindings []Binding, namespaceLabel string) fetch {
	var ns []string
	for _, b := range bindings {
		ns = append(ns, b.Model.Namespace)
	}
	return fetch{key: "kube-state-metrics", names: ksmNames, scope: []matcher{
		{label: namespaceLabel, values: distinct(ns)},
		{label: "condition", values: []string{"true"}, absent: true},
		{label: "phase", values: []string{"Pending", "Running"}, absent: true},
	}}
}

// tryExported looks for kube-state-metrics scraped without honorLabels: then the
// workload's namespace is in exported_namespace. It is asked a few times only.
func (s *source) tryExported(ctx context.Context, bindings []Binding, from, to time.Time) {
	if s.ksmSeen || len(bindings) == 0 || s.covered["kube-state-metrics"].IsZero() {
		return
	}
	if len(s.window.Select(ksmPodCreated)) > 0 || len(s.window.Select(ksmDeploySpec)) > 0 {
		s.ksmSeen = true
		return
	}
	s.ksmTries++
	if s.ksmTries > 3 && s.ksmTries%20 != 0 {
		return
	}
	f := ksmFetch(bindings, "exported_namespace")
	f.key = "kube-state-metrics without honorLabels"
	err := s.fetch(ctx, f, from.Add(-lookback(s.opt)), from, to)
	if err == nil && len(s.window.Select(ksmPodCreated)) > 0 {
		s.ksmSeen, s.ksmNS = true, "exported_namespace"
	}
}

// objectKey names a namespaced thing.
type objectKey struct{ namespace, name string }

// ksmPod is what kube-state-metrics says of one pod at one moment.
type ksmPod struct {
	name      string
	uid       string
	ownerKind string
	owner     string
	created   time.Time
	ready     bool
	told      bool      // whether it is ready is told at all
	readyAt   time.Time // zero = never told
	alive     bool      // neither succeeded nor failed
	scheduled time.Time // when it got a node; zero = not yet, or never told
	leaving   bool      // being deleted
	restarts  float64
}

// ksmScale is what is asked of a workload and what is there.
type ksmScale struct {
	spec, ready float64
	hasSpec     bool
	hasReady    bool
}

// ksmView is the state that kube-state-metrics shows at one moment.
type ksmView struct {
	at       time.Time
	newest   map[string]time.Time // namespace -> newest sample
	pods     map[string][]*ksmPod // namespace -> pods, sorted by name
	deploys  map[objectKey]ksmScale
	stateful map[objectKey]ksmScale
	replica  map[objectKey][2]string // ReplicaSet -> kind and name of its owner
}

// has says whether anything is known of a namespace.
func (c *ksmView) has(namespace string) bool { return !c.newest[namespace].IsZero() }

// pod finds a pod by name, nil if there is none.
func (c *ksmView) pod(namespace, name string) *ksmPod {
	ps := c.pods[namespace]
	i, ok := slices.BinarySearchFunc(ps, name, func(p *ksmPod, n string) int { return strings.Compare(p.name, n) })
	if !ok {
		return nil
	}
	return ps[i]
}

// sameScrape is how far apart the samples of one scrape may be stamped.
const sameScrape = time.Second

// current yields the series that were in the newest scrape of their target, with
// their newest value: what is gone from the newest scrape is gone.
type current struct {
	at      time.Time
	scraped map[string]time.Time // target -> its newest scrape
	w       *Window
}

// exporterOf is the scrape target of a kube-state-metrics series; its namespace
// and pod are those of the object told of.
func exporterOf(s *Series) string { return s.Label("job") + "\xff" + s.Label("instance") }

func newCurrent(w *Window, at time.Time) current {
	c := current{at: at, scraped: map[string]time.Time{}, w: w}
	for _, name := range ksmNames {
		for _, s := range w.Select(name) {
			if t, ok := lastBefore(s, at); ok && t.T.After(c.scraped[exporterOf(s)]) {
				c.scraped[exporterOf(s)] = t.T
			}
		}
	}
	return c
}

// each visits the current series of a name.
func (c current) each(name string, visit func(s *Series, v Sample)) {
	for _, s := range c.w.Select(name) {
		v, ok := lastBefore(s, c.at)
		if ok && sensible(v.V) && !v.T.Before(c.scraped[exporterOf(s)].Add(-sameScrape)) {
			visit(s, v)
		}
	}
}

func lastBefore(s *Series, at time.Time) (Sample, bool) {
	all := s.Until(at)
	if len(all) == 0 {
		return Sample{}, false
	}
	return all[len(all)-1], true
}

// viewAt reads the whole state once; all models of a source share it.
func viewAt(w *Window, at time.Time) *ksmView {
	c := &ksmView{
		at: at, newest: map[string]time.Time{}, pods: map[string][]*ksmPod{},
		deploys: map[objectKey]ksmScale{}, stateful: map[objectKey]ksmScale{}, replica: map[objectKey][2]string{},
	}
	cur := newCurrent(w, at)
	c.readScales(cur)
	c.readPods(cur)
	return c
}

func (c *ksmView) saw(namespace string, t time.Time) {
	if t.After(c.newest[namespace]) {
		c.newest[namespace] = t
	}
}

func (c *ksmView) readScales(cur current) {
	for _, row := range []struct {
		name, label string
		into        map[objectKey]ksmScale
		spec        bool
	}{
		{ksmDeploySpec, "deployment", c.deploys, true},
		{ksmDeployReady, "deployment", c.deploys, false},
		{ksmStatefulset, "statefulset", c.stateful, true},
		{ksmStatefulRdy, "statefulset", c.stateful, false},
	} {
		cur.each(row.name, func(s *Series, v Sample) {
			k := objectKey{label(s, "namespace"), s.Label(row.label)}
			one := row.into[k]
			if row.spec {
				one.spec, one.hasSpec = v.V, true
			} else {
				one.ready, one.hasReady = v.V, true
			}
			row.into[k] = one
			c.saw(k.namespace, v.T)
		})
	}
	cur.each(ksmReplicaSet, func(s *Series, _ Sample) {
		k := objectKey{label(s, "namespace"), s.Label("replicaset")}
		c.replica[k] = [2]string{s.Label("owner_kind"), s.Label("owner_name")}
	})
}

// podKey tells a recreated StatefulSet pod from its predecessor.
type podKey struct {
	objectKey
	uid string
}

func (c *ksmView) readPods(cur current) {
	found := map[podKey]*ksmPod{}
	phase := map[podKey]float64{} // present only where told
	rows := []struct {
		name string
		set  func(p *ksmPod, s *Series, v float64)
	}{
		{ksmPodCreated, func(p *ksmPod, _ *Series, v float64) { p.created = unixSeconds(v) }},
		{ksmPodOwner, func(p *ksmPod, s *Series, _ float64) {
			p.ownerKind, p.owner = s.Label("owner_kind"), s.Label("owner_name")
		}},
		{ksmPodReady, func(p *ksmPod, s *Series, v float64) {
			if s.Label("condition") == "true" {
				p.told, p.ready = true, p.ready || v == 1
			}
		}},
		{ksmPodReadyAt, func(p *ksmPod, _ *Series, v float64) { p.readyAt = unixSeconds(v) }},
		{ksmPodSched, func(p *ksmPod, _ *Series, v float64) { p.scheduled = unixSeconds(v) }},
		{ksmPodDeleted, func(p *ksmPod, _ *Series, v float64) { p.leaving = v > 0 }},
		{ksmRestarts, func(p *ksmPod, _ *Series, v float64) { p.restarts = max(p.restarts, v) }},
	}
	key := func(s *Series) podKey {
		return podKey{objectKey{label(s, "namespace"), label(s, "pod")}, s.Label("uid")}
	}
	for _, row := range rows {
		cur.each(row.name, func(s *Series, v Sample) {
			k := key(s)
			if found[k] == nil {
				found[k] = &ksmPod{name: k.name, uid: k.uid, alive: true}
			}
			row.set(found[k], s, v.V)
			c.saw(k.namespace, v.T)
		})
	}
	cur.each(ksmPodPhase, func(s *Series, v Sample) { phase[key(s)] += v.V })
	c.keep(found, phase)
}

// keep takes the newest pod of each name and drops the dead.
func (c *ksmView) keep(found map[podKey]*ksmPod, phase map[podKey]float64) {
	byName := map[objectKey]*ksmPod{}
	for k, p := range found {
		if v, told := phase[k]; told && v == 0 {
			p.alive = false
		}
		if old := byName[k.objectKey]; old == nil || p.created.After(old.created) ||
			(p.created.Equal(old.created) && p.uid > old.uid) {
			byName[k.objectKey] = p
		}
	}
	for k, p := range byName {
		if p.alive {
			c.pods[k.namespace] = append(c.pods[k.namespace], p)
		}
	}
	for _, ps := range c.pods {
		slices.SortFunc(ps, func(a, b *ksmPod) int { return strings.Compare(a.name, b.name) })
	}
}

func unixSeconds(v float64) time.Time {
	if v <= 0 || v > 1e11 {
		return time.Time{}
	}
	return time.UnixMilli(int64(v * 1000)).UTC()
}
