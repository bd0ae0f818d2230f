package app

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// autoscalers are the lists that say how a cluster scales now.
var autoscalers = []string{
	"/apis/autoscaling/v2/horizontalpodautoscalers",
	"/apis/keda.sh/v1alpha1/scaledobjects",
}

// Autoscalers are the HorizontalPodAutoscalers and ScaledObjects of a cluster, as the lists that its API gives. What
// the cluster does not have, or does not let us read, is part of the error; the rest is there all the same.
func Autoscalers(ctx context.Context, kubeconfig, kubeContext string) ([][]byte, error) {
	cfg, err := ClusterConfig(kubeconfig, kubeContext)
	if err != nil {
		return nil, err
	}
	cfg.GroupVersion, cfg.NegotiatedSerializer = &schema.GroupVersion{}, scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("build Kubernetes client: %w", err)
	}
	var out [][]byte
	var errs []error
	for _, path := range autoscalers {
		list, err := client.Get().AbsPath(path).SetHeader("Accept", "application/json").DoRaw(ctx)
		switch {
		case apierrors.IsNotFound(err): // KEDA is not installed
		case err != nil:
			errs = append(errs, fmt.Errorf("read %s: %w", path, err))
		default:
			out = append(out, list)
		}
	}
	return out, errors.Join(errs...)
}
