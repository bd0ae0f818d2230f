package adapter

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/metrics/pkg/apis/custom_metrics"
)

// collect joins the pods that are there with the pods that report.
type collect struct {
	judge
	asked
	namespace  string
	selector   labels.Selector
	fits       func(*podRef) bool
	identifier custom_metrics.MetricIdentifier
	window     *int64
	missing    *missing

	items  []custom_metrics.MetricValue
	oldest time.Time
}

// join walks both lists, which are sorted by pod.
func (c *collect) join(list []*pod, refs []podRef) {
	c.items, c.oldest = make([]custom_metrics.MetricValue, 0, min(len(list), len(refs))), c.now
	everything := c.selector == nil || c.selector.Empty()
	for _, p := range list {
		for len(refs) > 0 && refs[0].name < p.name {
			refs = refs[1:]
		}
		if !everything && !c.selector.Matches(p.labels) {
			continue
		}
		n := 0
		for n < len(refs) && refs[n].name == p.name {
			n++
		}
		c.add(p, refs[:n])
	}
}

// add is one pod with what it reports for each model that it serves.
func (c *collect) add(p *pod, refs []podRef) {
	if p.ready.IsZero() {
		c.missing.unready.Add(1)
		return
	}
	out, n := value{at: c.now}, 0
	for i := range refs {
		r := &refs[i]
		if c.fits != nil && !c.fits(r) {
			continue
		}
		v, ok, stale := c.fresh(c.pod(r.pod), &r.model.view.Input)
		over := time.Duration(0)
		if c.over {
			over = c.judge.window
		}
		switch {
		case stale:
			c.missing.stale.Add(1)
			return
		case !ok || r.pod.Partial:
			c.missing.unknown.Add(1)
			return
		case !p.counts(v.at, over):
			c.missing.early.Add(1)
			return
		}
		n, out.at = n+1, older(out.at, v.at)
		if c.metric.pods == mean {
			out.v = max(out.v, v.v)
		} else {
			out.v += v.v
		}
	}
	if n == 0 {
		return // foreign, or of a model that was not asked for
	}
	c.oldest = older(c.oldest, out.at)
	c.items = append(c.items, custom_metrics.MetricValue{
		DescribedObject: custom_metrics.ObjectReference{Kind: "Pod", APIVersion: "v1", Namespace: c.namespace, Name: p.name},
		Metric:          c.identifier, Timestamp: metav1.Time{Time: out.at}, WindowSeconds: c.window, Value: quantity(out.v),
	})
}
