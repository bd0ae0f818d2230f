//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// objects applies and reads objects of any kind.
type objects struct {
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	manager string // of the fields that are applied
}

// as is the same with another field manager.
func (o *objects) as(manager string) *objects { return &objects{o.dynamic, o.mapper, manager} }

func newObjects(cfg *rest.Config) (*objects, error) {
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	k, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return &objects{d, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(k.Discovery())), "kubectl"}, nil
}

// decode reads the documents of a YAML text.
func decode(text []byte) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := d.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode YAML: %w", err)
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
}

// resource is where objects of a kind live. A kind that was defined just now takes a moment to be served.
func (o *objects) resource(ctx context.Context, gvk schema.GroupVersionKind, ns string) (dynamic.ResourceInterface, error) {
	var m *meta.RESTMapping
	if err := eventually(ctx, 15*time.Second, func(context.Context) error {
		var err error
		if m, err = o.mapper.RESTMapping(gvk.GroupKind(), gvk.Version); meta.IsNoMatchError(err) {
			o.mapper.Reset()
		}
		return err
	}); err != nil {
		return nil, fmt.Errorf("find kind %s: %w", gvk, err)
	}
	r := o.dynamic.Resource(m.Resource)
	if m.Scope.Name() == meta.RESTScopeNameRoot {
		return r, nil
	}
	return r.Namespace(ns), nil
}

// apply is kubectl apply --server-side with strict validation; ns is for objects that name none.
func (o *objects) apply(ctx context.Context, ns string, dryRun bool, all ...*unstructured.Unstructured) error {
	for _, u := range all {
		if u.GetNamespace() != "" {
			ns = u.GetNamespace()
		}
		r, err := o.resource(ctx, u.GroupVersionKind(), ns)
		if err != nil {
			return err
		}
		force := true
		opts := metav1.PatchOptions{FieldManager: o.manager, Force: &force, FieldValidation: "Strict"}
		if dryRun {
			opts.DryRun = []string{metav1.DryRunAll}
		}
		data, err := u.MarshalJSON()
		if err != nil {
			return err
		}
		if _, err := r.Patch(ctx, u.GetName(), types.ApplyPatchType, data, opts); err != nil {
			return fmt.Errorf("apply %s %s/%s: %w", u.GetKind(), ns, u.GetName(), err)
		}
	}
	return nil
}

// applyText applies the documents of a text.
func (o *objects) applyText(ctx context.Context, ns, text string) error {
	all, err := decode([]byte(text))
	if err != nil {
		return err
	}
	return o.apply(ctx, ns, false, all...)
}

// get reads an object; kind is "Kind.version.group", the version being v1 and the group empty if left out.
func (o *objects) get(ctx context.Context, ns, kind, name string) (*unstructured.Unstructured, error) {
	r, err := o.resource(ctx, kindOf(kind), ns)
	if err != nil {
		return nil, err
	}
	return r.Get(ctx, name, metav1.GetOptions{})
}

// patch merges JSON into an object.
func (o *objects) patch(ctx context.Context, ns, kind, name, json string, subresources ...string) error {
	r, err := o.resource(ctx, kindOf(kind), ns)
	if err != nil {
		return err
	}
	_, err = r.Patch(ctx, name, types.MergePatchType, []byte(json), metav1.PatchOptions{}, subresources...)
	return err
}

func kindOf(s string) schema.GroupVersionKind {
	kind, rest, _ := strings.Cut(s, ".")
	version, group, _ := strings.Cut(rest, ".")
	if version == "" {
		version = "v1"
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
}

// condition is the status, reason and message of a condition of an object; empty if it is not there.
func condition(u *unstructured.Unstructured, kind string) (status, reason, message string) {
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range list {
		m, _ := c.(map[string]any)
		if m["type"] == kind {
			text := func(k string) string { s, _ := m[k].(string); return s }
			return text("status"), text("reason"), text("message")
		}
	}
	return "", "", ""
}
