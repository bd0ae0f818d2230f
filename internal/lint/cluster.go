package lint

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// pageSize bounds one answer of the cluster.
const pageSize = 500

type gvr = schema.GroupVersionResource

// read are the kinds that rules read, and whether a cluster may do without.
var read = []struct {
	gvr
	kind     string
	optional bool
}{
	{gvr{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}, "HorizontalPodAutoscaler", false},
	{gvr{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}, "ScaledObject", true},
	{gvr{Group: "apps", Version: "v1", Resource: "deployments"}, "Deployment", false},
	{gvr{Group: "apps", Version: "v1", Resource: "statefulsets"}, "StatefulSet", false},
	{gvr{Group: "leaderworkerset.x-k8s.io", Version: "v1", Resource: "leaderworkersets"}, "LeaderWorkerSet", true},
	{gvr{Version: "v1", Resource: "resourcequotas"}, "ResourceQuota", false},
}

// ReadCluster adds the objects of a cluster's namespaces; none = all. What may not
// be read, or not be understood, is part of the error; what could is judged all the same.
func (in *Input) ReadCluster(ctx context.Context, cfg *rest.Config, namespaces []string) error {
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("build Kubernetes client: %w", err)
	}
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	var errs []error
	for _, r := range read {
		for _, ns := range namespaces {
			err := in.list(ctx, client.Resource(r.gvr).Namespace(ns))
			if r.optional && apierrors.IsNotFound(err) {
				continue
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("list %s: %w", r.Resource, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (in *Input) list(ctx context.Context, from dynamic.ResourceInterface) error {
	opts := metav1.ListOptions{Limit: pageSize}
	var errs []error
	for {
		page, err := from.List(ctx, opts)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for i := range page.Items {
			page.Items[i].SetManagedFields(nil)
			raw, err := page.Items[i].MarshalJSON()
			if err == nil {
				err = in.Add(raw, "")
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
		if opts.Continue = page.GetContinue(); opts.Continue == "" {
			return errors.Join(errs...)
		}
	}
}
