//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// object is the Deployment of a variant: fake pods that warm up for as long as the annotation says.
func (m *model) object(i int, v variant) *unstructured.Unstructured {
	labels := object{labelModel: m.key(), labelVariant: fmt.Sprint(i), "app": m.deployment(v.name)}
	pool := v.pool
	if pool == "" {
		pool = m.s.ns
	}
	gpus := fmt.Sprint(max(1, v.gpus))
	spec := object{
		"terminationGracePeriodSeconds": int64(0),
		"nodeSelector":                  object{"e2e.forewarm.dev/pool": pool},
		"containers": []any{object{
			"name": "vllm", "image": "vllm",
			"resources": object{"limits": object{"nvidia.com/gpu": gpus}, "requests": object{"nvidia.com/gpu": gpus}},
		}},
	}
	if m.options.spec != nil {
		m.options.spec(spec)
	}
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": object{"name": m.deployment(v.name), "namespace": m.s.ns},
		"spec": object{
			"replicas": int64(v.replicas), "selector": object{"matchLabels": object{"app": m.deployment(v.name)}},
			"template": object{
				"metadata": object{
					"labels":      labels,
					"annotations": object{"e2e.forewarm.dev/warm-up": fmt.Sprintf("%dms", v.warmUp.Milliseconds())},
				},
				"spec": spec,
			},
		},
	}}
}

// courses record how the replicas of every Deployment went.
type courses struct {
	mu     sync.Mutex
	points map[string][]point // by namespace/name
}

// point is a change.
type point struct {
	at          time.Time
	spec, ready int
}

func watchCourses(ctx context.Context, client kubernetes.Interface) (*courses, error) {
	c := &courses{points: map[string][]point{}}
	f := informers.NewSharedInformerFactory(client, 0)
	deployments := f.Apps().V1().Deployments().Informer()
	if _, err := deployments.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { c.add(o.(*appsv1.Deployment)) },
		UpdateFunc: func(_, o any) { c.add(o.(*appsv1.Deployment)) },
	}); err != nil {
		return nil, err
	}
	f.Start(ctx.Done())
	f.WaitForCacheSync(ctx.Done())
	return c, nil
}

func (c *courses) add(d *appsv1.Deployment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := d.Namespace + "/" + d.Name
	p := point{time.Now(), int(*d.Spec.Replicas), int(d.Status.ReadyReplicas)}
	if old := c.points[key]; len(old) > 0 && old[len(old)-1].spec == p.spec && old[len(old)-1].ready == p.ready {
		return
	}
	c.points[key] = append(c.points[key], p)
}

// of is the course of a Deployment.
func (c *courses) of(ns, name string) []point {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]point(nil), c.points[ns+"/"+name]...)
}

// last is the newest point; zero before there is any.
func (c *courses) last(ns, name string) point {
	all := c.of(ns, name)
	if len(all) == 0 {
		return point{}
	}
	return all[len(all)-1]
}

// course is a text: seconds:spec(ready).
func (c *courses) course(ns, name string) string {
	var b strings.Builder
	all := c.of(ns, name)
	for _, p := range all {
		fmt.Fprintf(&b, "%.1f:%d(%d) ", p.at.Sub(all[0].at).Seconds(), p.spec, p.ready)
	}
	return b.String()
}

// since leaves out what was before a moment, but for the point that held then.
func since(all []point, from time.Time) []point {
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].at.After(from) {
			return all[i:]
		}
	}
	return all
}

// specs are the spec.replicas one after another.
func specs(all []point) []int {
	var out []int
	for _, p := range all {
		if len(out) == 0 || out[len(out)-1] != p.spec {
			out = append(out, p.spec)
		}
	}
	return out
}

// turns is how often the direction of spec.replicas changes.
func turns(all []point) int {
	n, last := 0, 0
	s := specs(all)
	for i := 1; i < len(s); i++ {
		d := 1
		if s[i] < s[i-1] {
			d = -1
		}
		if last != 0 && d != last {
			n++
		}
		last = d
	}
	return n
}

// spec waits for a Deployment's spec.replicas to satisfy a condition.
func (s *story) spec(within time.Duration, name, what string, ok func(n int) bool) {
	s.Helper()
	s.eventually(within, fmt.Sprintf("replicas of %s are %s", name, what), func(context.Context) error {
		if n := s.last(s.ns, name).spec; !ok(n) {
			return fmt.Errorf("they are %d", n)
		}
		return nil
	})
}

// ready waits for a number of ready replicas.
func (s *story) ready(name string, want int) {
	s.Helper()
	s.eventually(2*time.Minute, fmt.Sprintf("%s has %d ready", name, want), func(context.Context) error {
		if p := s.last(s.ns, name); p.ready != want || p.spec != want {
			return fmt.Errorf("want %d, got %d of %d", want, p.ready, p.spec)
		}
		return nil
	})
}

// serving waits until a model serves what it is asked, with however many replicas.
func (s *story) serving(m *model) {
	s.Helper()
	s.eventually(2*time.Minute, m.name+" serves", func(context.Context) error {
		if p, n := s.last(s.ns, m.name), m.totals(); p.ready < 1 || n.Completed == 0 {
			return fmt.Errorf("%d of %d are ready, %+v", p.ready, p.spec, n)
		}
		return nil
	})
}

// scale sets spec.replicas as a person would.
func (s *story) scale(name string, n int) {
	s.Helper()
	s.check(s.patch(s.Context(), s.ns, "Deployment.v1.apps", name, fmt.Sprintf(`{"spec":{"replicas":%d}}`, n)))
}

// hpaCondition waits for a condition of an HPA.
func (s *story) hpaCondition(within time.Duration, name, kind, status, reason string) {
	s.Helper()
	what := fmt.Sprintf("HPA %s has %s=%s %s", name, kind, status, reason)
	s.eventually(within, what, func(ctx context.Context) error { return s.hpaHas(ctx, name, kind, status, reason) })
}

// hpaHas is an error unless an HPA has a condition; without a reason, for any.
func (s *story) hpaHas(ctx context.Context, name, kind, status, reason string) error {
	o, err := s.get(ctx, s.ns, "HorizontalPodAutoscaler.v2.autoscaling", name)
	if err != nil {
		return err
	}
	gotStatus, gotReason, message := condition(o, kind)
	if gotStatus != status || reason != "" && gotReason != reason {
		return fmt.Errorf("HPA %s has %s=%s %s (%s)", name, kind, gotStatus, gotReason, message)
	}
	return nil
}

// events are the messages of a namespace's events with a reason.
func (s *story) events(ctx context.Context, reason string) ([]string, error) {
	list, err := s.Client.CoreV1().Events(s.ns).List(ctx, metav1.ListOptions{FieldSelector: "reason=" + reason})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range list.Items {
		out = append(out, e.Message)
	}
	return out, nil
}
