package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// fleet is everything that one Prometheus server scrapes.
type fleet struct {
	t       *testing.T
	kube    *kube
	targets []target
	former  []target // were scraped once, and are not any more
	newborn []string // namespaces without a past
	expect  int      // pods that are scraped
}

// scene is one model in a namespace of its own, all called by one name.
type scene struct {
	name string
	pods []*pod // those that are scraped
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	k := startKube(t)
	return &fleet{t: t, kube: k, targets: []target{k.target()}}
}

// add starts a model of so many replicas, all loaded alike, two GPUs each, ready
// for two hours. Replicas beyond scraped exist for kube-state-metrics only.
func (f *fleet) add(name string, replicas, scraped int, each load) *scene {
	f.t.Helper()
	return f.addCalled(name, "org/"+name, replicas, scraped, each)
}

// addCalled is add with a model id of its own.
func (f *fleet) addCalled(name, model string, replicas, scraped int, each load) *scene {
	f.t.Helper()
	s := &scene{name: name}
	d := deployment{namespace: name, name: name, spec: replicas, gpus: 2}
	for i := range replicas {
		d.pods = append(d.pods, podName(name, i))
	}
	for _, pod := range d.pods[:scraped] {
		p := startPod(f.t, name, pod, model, each)
		s.pods = append(s.pods, p)
		f.targets = append(f.targets, p.target())
	}
	f.expect += scraped
	f.kube.put(d)
	return s
}

// scrape starts a Prometheus server on the fleet and waits until it has seen
// every pod often enough for rates and for one whole default tick.
func (f *fleet) scrape() *prometheus {
	f.t.Helper()
	return f.scrapeSince(0)
}

// scrapeSince is scrape by a server that has seen the fleet before, for so long.
func (f *fleet) scrapeSince(span time.Duration) *prometheus {
	t := f.t
	t.Helper()
	p := startPrometheus(t, f.targets...)
	if span > 0 {
		p.remember(t, span, f)
	}
	p.waitFor(t, 2*soon, fmt.Sprintf(`count(count_over_time(up{container="vllm"}[30s]) >= 20) == %d`, f.expect))
	return p
}

// forget stops the scraping of a scene's last pod before it begins: the pod is in
// the past and in the cluster, but not in the present.
func (f *fleet) forget(s *scene) {
	last := s.pods[len(s.pods)-1].target().address
	s.pods = s.pods[:len(s.pods)-1]
	i := slices.IndexFunc(f.targets, func(tg target) bool { return tg.address == last })
	f.former = append(f.former, f.targets[i])
	f.targets = slices.Delete(f.targets, i, i+1)
	f.expect--
}

// podName is how a Deployment calls its pods.
func podName(deployment string, i int) string { return fmt.Sprintf("%s-5d4f8b6c7-%05d", deployment, i) }

// steady is what a pod carries well within its means: 3 requests/s of 300 output
// tokens, where one replica is assumed to carry 1,280 output tokens/s.
func steady() load {
	return load{running: 12, waiting: 0, kv: 0.4, requests: 3, prompt: 500, output: 300, ttft: 0.2}
}

// overloaded is a pod at its limit with a queue that grows by five a second.
func overloaded() load {
	return load{
		running: 250, waiting: 40, kv: 0.97, requests: 4, prompt: 500, output: 300, ttft: 9, growing: 5,
	}
}
