package adapter

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// settle is how long changes of pods are gathered before they show: a rollout of
// thousands of pods is then a few new lists, not thousands.
const settle = 50 * time.Millisecond

// lookEvery is how often the namespaces that serve models are looked at.
const lookEvery = 250 * time.Millisecond

// pod is what an answer needs to know of one pod.
type pod struct {
	name    string
	labels  labels.Set
	ready   time.Time // ready since; zero = not ready, ended or being deleted
	started time.Time // start of its youngest container: counters began then
}

// counts says whether a sample of a moment is the pod's own and of its service: not
// from before it was ready, nor of another pod that had its name. A rate must have
// begun after its containers did. A restart makes a pod unready, so it inherits
// nothing. Kubernetes' times are whole seconds, rounded down.
func (p *pod) counts(sampled time.Time, over time.Duration) bool {
	return !p.ready.IsZero() && !sampled.Before(p.ready.Add(time.Second)) &&
		(over == 0 || !sampled.Add(-over).Before(p.started))
}

// podSet watches the pods of the namespaces that serve models.
type podSet struct {
	client kubernetes.Interface
	wants  func() ([]string, bool) // namespaces; false = not known yet
	warn   func(format string, args ...any)

	mu     sync.RWMutex
	spaces map[string]*podSpace
	kick   chan struct{}
	once   atomic.Bool // everything was known once
}

// podSpace is one namespace. Its list is immutable: a change replaces it.
type podSpace struct {
	informer cache.SharedIndexInformer
	stop     context.CancelFunc
	dirty    atomic.Bool
	refused  atomic.Bool            // it may not be watched
	list     atomic.Pointer[[]*pod] // sorted by name; nil = not known yet
}

func newPodSet(client kubernetes.Interface, wants func() ([]string, bool), warn func(string, ...any)) *podSet {
	return &podSet{
		client: client, wants: wants, warn: warn, spaces: map[string]*podSpace{}, kick: make(chan struct{}, 1),
	}
}

// of is the pods of a namespace; false if they are not known.
func (s *podSet) of(namespace string) ([]*pod, bool) {
	s.mu.RLock()
	sp := s.spaces[namespace]
	s.mu.RUnlock()
	if sp == nil {
		return nil, false
	}
	list := sp.list.Load()
	if list == nil {
		return nil, false
	}
	return *list, true
}

// synced says whether the pods of every namespace that may be watched were known
// once. It stays so: a namespace that is added later, or whose pods may not be read,
// has no answers of its own, but must not take the API away from all others.
func (s *podSet) synced() bool {
	if s.once.Load() {
		return true
	}
	wanted, known := s.wants()
	if !known {
		return true // until there is a decision, no answer needs them
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, ns := range wanted {
		sp := s.spaces[ns]
		if sp == nil || sp.list.Load() == nil && !sp.refused.Load() {
			return false
		}
	}
	s.once.Store(true)
	return true
}

// run follows the namespaces and renders changes until the context ends.
func (s *podSet) run(ctx context.Context) {
	var informers sync.WaitGroup
	defer informers.Wait()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		s.follow(ctx, &informers)
		s.render()
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-s.kick:
			t := time.NewTimer(settle)
			select {
			case <-t.C:
			case <-ctx.Done():
			}
			t.Stop()
		}
	}
}

// follow starts and ends watches, so that they are those of the namespaces wanted.
func (s *podSet) follow(ctx context.Context, running *sync.WaitGroup) {
	wanted, _ := s.wants()
	s.mu.Lock()
	defer s.mu.Unlock()
	for ns, sp := range s.spaces {
		if !slices.Contains(wanted, ns) {
			sp.stop()
			delete(s.spaces, ns)
		}
	}
	for _, ns := range wanted {
		if s.spaces[ns] == nil {
			s.spaces[ns] = s.start(ctx, ns, running)
		}
	}
}

func (s *podSet) start(ctx context.Context, ns string, running *sync.WaitGroup) *podSpace {
	ctx, stop := context.WithCancel(ctx)
	factory := informers.NewSharedInformerFactoryWithOptions(s.client, 0,
		informers.WithNamespace(ns), informers.WithTransform(stripped),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.FieldSelector = living }))
	sp := &podSpace{informer: factory.Core().V1().Pods().Informer(), stop: stop}
	sp.dirty.Store(true)
	changed := func() {
		sp.dirty.Store(true)
		select {
		case s.kick <- struct{}{}:
		default:
		}
	}
	_, _ = sp.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{ // it fails only once stopped
		AddFunc: func(any) { changed() }, UpdateFunc: func(any, any) { changed() }, DeleteFunc: func(any) { changed() },
	})
	_ = sp.informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		if apierrors.IsForbidden(err) && !sp.refused.Swap(true) {
			s.warn("%v; grant list and watch on pods in namespace %s: until then none of them has a metric", err, ns)
		}
		cache.DefaultWatchErrorHandler(ctx, r, err)
	}) // it fails only once started
	running.Go(func() { sp.informer.RunWithContext(ctx) })
	return sp
}

// living are the pods that have not ended.
var living = fields.AndSelectors(
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)),
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed)),
).String()

// render replaces the lists that changed.
func (s *podSet) render() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, sp := range s.spaces {
		if !sp.informer.HasSynced() || !sp.dirty.Swap(false) {
			continue
		}
		objects := sp.informer.GetStore().List()
		list := make([]*pod, 0, len(objects))
		for _, o := range objects {
			if p, ok := o.(*stub); ok {
				list = append(list, &p.pod)
			}
		}
		slices.SortFunc(list, func(a, b *pod) int { return strings.Compare(a.name, b.name) })
		sp.list.Store(&list)
	}
}

// stub is a pod as the informer keeps it: metadata without what is bulky, and what
// an answer needs.
type stub struct {
	metav1.PartialObjectMetadata
	pod pod
}

// stripped is the informer's transform: of some 8 KB of a pod some 300 B stay.
func stripped(o any) (any, error) {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return o, nil
	}
	out := &stub{pod: pod{
		name: p.Name, labels: p.Labels, ready: readySince(p), started: startedAt(p),
	}}
	out.ObjectMeta = metav1.ObjectMeta{
		Name: p.Name, Namespace: p.Namespace, UID: p.UID, ResourceVersion: p.ResourceVersion,
	}
	return out, nil
}

// readySince is when a pod last became ready; zero if it does not serve.
func readySince(p *corev1.Pod) time.Time {
	if p.DeletionTimestamp != nil || p.Status.Phase != corev1.PodRunning {
		return time.Time{}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			if c.LastTransitionTime.IsZero() {
				return p.CreationTimestamp.Time
			}
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// startedAt is when a pod's youngest container started.
func startedAt(p *corev1.Pod) time.Time {
	at := p.CreationTimestamp.Time
	for _, c := range p.Status.ContainerStatuses {
		if r := c.State.Running; r != nil && r.StartedAt.After(at) {
			at = r.StartedAt.Time
		}
	}
	return at
}
