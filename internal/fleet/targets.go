package fleet

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
)

// watchedTargets are the kinds of which it is known where their scale subresource takes the selector of pods from; the
// count is at spec.replicas. Of others the subresource itself is read, which cannot be watched.
var watchedTargets = map[schema.GroupResource]func(*unstructured.Unstructured) string{
	{Group: "apps", Resource: "deployments"}:                          specSelector,
	{Group: "apps", Resource: "statefulsets"}:                         specSelector,
	{Group: "apps", Resource: "replicasets"}:                          specSelector,
	{Group: "leaderworkerset.x-k8s.io", Resource: "leaderworkersets"}: leaderSelector,
}

// specSelector is spec.selector as a query; empty if it is none.
func specSelector(u *unstructured.Unstructured) string {
	raw, _, _ := unstructured.NestedMap(u.Object, "spec", "selector")
	var s metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &s); err != nil {
		return ""
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil || selector.Empty() {
		return ""
	}
	return selector.String()
}

// leaderSelector is that of a LeaderWorkerSet's leaders, which its controller writes.
func leaderSelector(u *unstructured.Unstructured) string {
	s, _, _ := unstructured.NestedString(u.Object, "status", "hpaPodSelector")
	return s
}

// scalable is what is kept of a scale target.
type scalable struct {
	metav1.PartialObjectMetadata
	replicas int
	selector labels.Selector // nil = it has none yet
}

// scalableOf is the transform of watched scale targets.
func scalableOf(selector func(*unstructured.Unstructured) string) cache.TransformFunc {
	return func(o any) (any, error) {
		u, ok := o.(*unstructured.Unstructured)
		if !ok {
			return o, nil
		}
		out := &scalable{replicas: or((fields{u.Object}).whole("spec", "replicas"), 1)}
		if text := selector(u); text != "" {
			out.selector, _ = labels.Parse(text)
		}
		out.ObjectMeta = metav1.ObjectMeta{
			Name: u.GetName(), Namespace: u.GetNamespace(), UID: u.GetUID(), ResourceVersion: u.GetResourceVersion(),
		}
		return out, nil
	}
}

// dynamicSource watches a kind of which only the schema is known.
func dynamicSource(client dynamic.Interface, p place, keep cache.TransformFunc) source {
	r := client.Resource(p.resource).Namespace(p.namespace)
	return source{
		list:   func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return r.List(ctx, o) },
		watch:  func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) { return r.Watch(ctx, o) },
		client: client, example: &unstructured.Unstructured{}, keep: keep,
	}
}
