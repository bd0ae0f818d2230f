package fleet

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// scaledObjects is KEDA's resource. Its Go types would bring its webhooks along.
var scaledObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}

// ScaledObject is what of a KEDA ScaledObject concerns us.
type ScaledObject struct {
	Namespace, Name  string
	APIVersion, Kind string              // of the scale target; may be empty, which means a Deployment
	Target           string              // name of the scale target
	Min, Max         int                 // replicas while active
	Idle             *int                // idleReplicaCount; nil = not given
	Paused           *int                // replicas it is held at; -1 = those it has; nil = not paused
	Triggers         []map[string]string // metadata of the triggers of type external and external-push
	Notes            []string            // what is risky about it, as sentences
}

// ScaledObjects watches the ScaledObjects of a cluster, or of some namespaces.
type ScaledObjects struct {
	informers []cache.SharedIndexInformer
	version   atomic.Uint64

	mu   sync.Mutex
	errs []error // by informer: why it cannot read now
}

// NewScaledObjects watches all namespaces if none is named. It sends nothing yet.
func NewScaledObjects(cfg *rest.Config, namespaces []string) (*ScaledObjects, error) {
	own := rest.CopyConfig(cfg)
	own.Timeout = 0 // it would cut watches off
	client, err := dynamic.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("build Kubernetes client: %w", err)
	}
	return newScaledObjects(client, namespaces)
}

func newScaledObjects(client dynamic.Interface, namespaces []string) (*ScaledObjects, error) {
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	s := &ScaledObjects{errs: make([]error, len(namespaces))}
	for i, ns := range namespaces {
		s.errs[i] = errUnread
		inf := cache.NewSharedIndexInformer(
			cache.ToListWatcherWithWatchListSemantics(s.listWatch(i, client.Resource(scaledObjects).Namespace(ns)), client),
			&unstructured.Unstructured{}, 0, cache.Indexers{})
		if err := inf.SetTransform(slim); err != nil {
			return nil, fmt.Errorf("watch ScaledObjects: %w", err)
		}
		if err := inf.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {}); err != nil { // see said
			return nil, fmt.Errorf("watch ScaledObjects: %w", err)
		}
		if _, err := inf.AddEventHandler(s.handler()); err != nil {
			return nil, fmt.Errorf("watch ScaledObjects: %w", err)
		}
		s.informers = append(s.informers, inf)
	}
	return s, nil
}

var errUnread = errors.New("ScaledObjects were not read yet")

// listWatch keeps what the newest request said.
func (s *ScaledObjects) listWatch(i int, r dynamic.ResourceInterface) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			l, err := r.List(ctx, o)
			s.said(i, err)
			return l, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := r.Watch(ctx, o)
			s.said(i, err)
			return w, err
		},
	}
}

func (s *ScaledObjects) said(i int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.errs[i] = nil
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
		s.errs[i] = fmt.Errorf("%w; grant list and watch on scaledobjects.keda.sh", err)
	case apierrors.IsNotFound(err):
		s.errs[i] = errors.New("the cluster has no ScaledObjects: KEDA is not installed")
	default:
		s.errs[i] = fmt.Errorf("watch ScaledObjects: %w", err)
	}
}

// slim drops what is not read; KEDA writes the status all the time.
func slim(o any) (any, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return o, nil
	}
	u.SetManagedFields(nil)
	unstructured.RemoveNestedField(u.Object, "status")
	return u, nil
}

func (s *ScaledObjects) handler() cache.ResourceEventHandlerFuncs {
	bump := func(any) { s.version.Add(1) }
	return cache.ResourceEventHandlerFuncs{
		AddFunc: bump, DeleteFunc: bump,
		UpdateFunc: func(before, after any) {
			a, okA := before.(*unstructured.Unstructured)
			b, okB := after.(*unstructured.Unstructured)
			if !okA || !okB || !reflect.DeepEqual(scaledObject(a), scaledObject(b)) {
				s.version.Add(1)
			}
		},
	}
}

// Run watches until ctx ends.
func (s *ScaledObjects) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, inf := range s.informers {
		wg.Go(func() { inf.RunWithContext(ctx) })
	}
	wg.Wait()
}

// Wait returns as soon as everything was read once or could not be, or ctx ends.
func (s *ScaledObjects) Wait(ctx context.Context) {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for !s.settled() {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (s *ScaledObjects) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, inf := range s.informers {
		failed := s.errs[i] != nil && !errors.Is(s.errs[i], errUnread)
		if !failed && !inf.HasSynced() {
			return false
		}
	}
	return true
}

// Version changes with every change of what List gives.
func (s *ScaledObjects) Version() uint64 { return s.version.Load() }

// List is every ScaledObject as it was last seen, in no order, and why that may be
// old or none at all.
func (s *ScaledObjects) List() ([]ScaledObject, error) {
	var out []ScaledObject
	for _, inf := range s.informers {
		for _, o := range inf.GetStore().List() {
			if u, ok := o.(*unstructured.Unstructured); ok {
				out = append(out, scaledObject(u))
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return out, errors.Join(s.errs...)
}
