package fleet

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// firstWait is how long a Load waits for the first list of what it has just begun to watch.
const firstWait = 5 * time.Second

// place is one kind of object in one namespace.
type place struct {
	resource  schema.GroupVersionResource
	namespace string
}

var podResource = corev1.SchemeGroupVersion.WithResource("pods")

// views are the watched pods and scale targets of the namespaces that have models. They are of the goroutine that calls
// Load; what runs behind them ends with close.
type views struct {
	core    kubernetes.Interface
	objects dynamic.Interface
	now     func() time.Time
	bound   time.Duration // what was not proven current for longer is not known

	ctx     context.Context // of what is watched, which outlives the Load that begins it
	cancel  context.CancelFunc
	running sync.WaitGroup
	open    map[place]*watched
	herds   map[string]*herd // by namespace, of the present Load
}

func newViews(core kubernetes.Interface, objects dynamic.Interface, bound time.Duration, now func() time.Time) *views {
	v := &views{core: core, objects: objects, now: now, bound: bound, open: map[place]*watched{}}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	return v
}

func (v *views) close() {
	v.cancel()
	v.running.Wait()
}

// follow watches what is wanted and nothing else. What is new is waited for, once and not for long: what is not read by
// then is not known.
func (v *views) follow(ctx context.Context, wanted map[place]bool) error {
	v.herds = map[string]*herd{}
	maps.DeleteFunc(v.open, func(p place, w *watched) bool {
		if !wanted[p] {
			w.stop()
		}
		return !wanted[p]
	})
	var fresh []*watched
	for p := range wanted {
		if v.open[p] != nil {
			continue
		}
		w, err := newWatched(v.source(p), v.now)
		if err != nil {
			return fmt.Errorf("watch %s in namespace %s: %w", p.resource.Resource, p.namespace, err)
		}
		w.start(v.ctx, &v.running)
		v.open[p] = w
		fresh = append(fresh, w)
	}
	ctx, stop := context.WithTimeout(ctx, firstWait)
	defer stop()
	await(ctx, fresh...)
	return nil
}

func (v *views) source(p place) source {
	if p.resource == podResource {
		pods := v.core.CoreV1().Pods(p.namespace)
		return source{
			list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return pods.List(ctx, o) },
			watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return pods.Watch(ctx, o)
			},
			client: v.core, example: &corev1.Pod{}, keep: sketched,
		}
	}
	return dynamicSource(v.objects, p, scalableOf(watchedTargets[p.resource.GroupResource()]))
}

// pods are those of a namespace that a selector means, and how old the proof is that they are.
func (v *views) pods(namespace string, selector labels.Selector) ([]*sketch, time.Duration, error) {
	w := v.open[place{podResource, namespace}]
	if w == nil {
		return nil, 0, errUnread
	}
	age, err := w.current(v.bound)
	if err != nil {
		return nil, age, err
	}
	h := v.herds[namespace]
	if h == nil {
		var all []*sketch
		for _, o := range w.informer.GetStore().List() {
			if s, ok := o.(*sketch); ok {
				all = append(all, s)
			}
		}
		h = newHerd(all)
		v.herds[namespace] = h
	}
	return h.of(selector), age, nil
}

// target is a watched scale target and how old the proof is; nil if it must be asked for: its kind is not watched, what
// was watched is not current, or it is not there.
func (v *views) target(p place, name string) (*scalable, time.Duration) {
	w := v.open[p]
	if w == nil {
		return nil, 0
	}
	age, err := w.current(v.bound)
	if err != nil {
		return nil, 0
	}
	o, _, _ := w.informer.GetStore().GetByKey(p.namespace + "/" + name)
	s, _ := o.(*scalable)
	return s, age
}
