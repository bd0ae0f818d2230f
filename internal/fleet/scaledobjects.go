package fleet

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	NoOut, NoIn      bool                // scaling out, or in, is paused
	Forced           bool                // activation is forced: never at zero
	Triggers         []map[string]string // metadata of the triggers of type external and external-push
	Notes            []string            // what is risky about it, as sentences
}

// ScaledObjects watches the ScaledObjects of a cluster, or of some namespaces.
type ScaledObjects struct {
	watched []*watched
	version atomic.Uint64
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
	s := &ScaledObjects{}
	for _, ns := range namespaces {
		w, err := newWatched(dynamicSource(client, place{scaledObjects, ns}, slim), realTime)
		if err != nil {
			return nil, fmt.Errorf("watch ScaledObjects: %w", err)
		}
		if _, err := w.informer.AddEventHandler(s.handler()); err != nil {
			return nil, fmt.Errorf("watch ScaledObjects: %w", err)
		}
		s.watched = append(s.watched, w)
	}
	return s, nil
}

// explained says what to do about a problem.
func explained(err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
		return fmt.Errorf("%w; grant list and watch on scaledobjects.keda.sh", err)
	case apierrors.IsNotFound(err):
		return errors.New("the cluster has no ScaledObjects: KEDA is not installed")
	}
	return fmt.Errorf("watch ScaledObjects: %w", err)
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
	for _, w := range s.watched {
		w.start(ctx, &wg)
	}
	wg.Wait()
}

// Wait returns as soon as everything was read once or could not be, or ctx ends.
func (s *ScaledObjects) Wait(ctx context.Context) { await(ctx, s.watched...) }

// Version changes with every change of what List gives.
func (s *ScaledObjects) Version() uint64 { return s.version.Load() }

// Err says why List may be old or none at all. It reads no object, so that it can be
// asked with every call.
func (s *ScaledObjects) Err() error {
	var errs []error
	for _, w := range s.watched {
		errs = append(errs, explained(w.health.problem()))
	}
	return errors.Join(errs...)
}

// List is every ScaledObject as it was last seen, in no order, and Err.
func (s *ScaledObjects) List() ([]ScaledObject, error) {
	var out []ScaledObject
	for _, w := range s.watched {
		for _, o := range w.informer.GetStore().List() {
			if u, ok := o.(*unstructured.Unstructured); ok {
				out = append(out, scaledObject(u))
			}
		}
	}
	return out, s.Err()
}
