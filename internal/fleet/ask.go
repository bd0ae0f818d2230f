package fleet

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	pageSize = 500
	maxPods  = 5000 // of one target that is asked for; more is refused rather than counted in part
)

// scalable is a scale target as it is watched, else as it answers, and its age.
func (f *Fleet) scalable(ctx context.Context, ns string, t Target) (*scalable, time.Duration, error) {
	gvr, err := f.resource(t)
	if err != nil {
		return nil, 0, err
	}
	if f.views != nil {
		if s, age := f.views.target(place{gvr, ns}, t.Name); s != nil && s.selector != nil {
			return s, age, nil
		}
	}
	s, err := f.scaleOf(ctx, gvr, ns, t)
	return s, 0, err
}

// resource is what the API calls a target's kind.
func (f *Fleet) resource(t Target) (schema.GroupVersionResource, error) {
	gv, err := schema.ParseGroupVersion(t.APIVersion)
	if err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("read apiVersion %q of %s: %w", t.APIVersion, t.Name, err)
	}
	m, err := f.mapper.RESTMapping(schema.GroupKind{Group: gv.Group, Kind: t.Kind}, gv.Version)
	if err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("find kind %s of %s: %w", t.Kind, t.APIVersion, err)
	}
	return m.Resource, nil
}

// scaleOf reads the scale subresource, which every scalable kind has.
func (f *Fleet) scaleOf(ctx context.Context, gvr schema.GroupVersionResource, ns string, t Target) (*scalable, error) {
	s, err := f.scales.Scales(ns).Get(ctx, gvr.GroupResource(), t.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get scale of %s %s/%s: %w", t.Kind, ns, t.Name, err)
	}
	if s.Status.Selector == "" {
		return nil, fmt.Errorf("get scale of %s %s/%s: its scale subresource has no selector", t.Kind, ns, t.Name)
	}
	selector, err := labels.Parse(s.Status.Selector)
	if err != nil {
		return nil, fmt.Errorf("get scale of %s %s/%s: selector: %w", t.Kind, ns, t.Name, err)
	}
	return &scalable{replicas: int(s.Spec.Replicas), selector: selector}, nil
}

// pods are those that a selector means, as they are watched where they are, and their age.
func (f *Fleet) pods(ctx context.Context, ns string, selector labels.Selector) ([]*sketch, time.Duration, error) {
	if f.views != nil {
		pods, age, err := f.views.pods(ns, selector)
		if err != nil {
			return nil, age, fmt.Errorf("watch pods in namespace %s: %w", ns, err)
		}
		return pods, age, nil
	}
	list, err := f.list(ctx, ns, selector.String())
	out := make([]*sketch, len(list))
	for i := range list {
		out[i] = sketchOf(&list[i])
	}
	return out, 0, err
}

// list reads pods in pages, up to maxPods.
func (f *Fleet) list(ctx context.Context, ns, selector string) ([]corev1.Pod, error) {
	var out []corev1.Pod
	opts := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		page, err := f.core.CoreV1().Pods(ns).List(ctx, opts)
		if err != nil {
			return nil, fmt.Errorf("list pods of %s with %s: %w", ns, selector, err)
		}
		out = append(out, page.Items...)
		if page.Continue == "" {
			return out, nil
		}
		if len(out) >= maxPods {
			return nil, fmt.Errorf("list pods of %s with %s: more than %d", ns, selector, maxPods)
		}
		opts.Continue = page.Continue
	}
}
