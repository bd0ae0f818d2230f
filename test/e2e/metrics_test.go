//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// deleteNow deletes without grace.
var deleteNow = metav1.DeleteOptions{GracePeriodSeconds: new(int64)}

// custom reads the custom metrics API through the aggregator, as the HPA does: values by the name of the object.
func (s *story) custom(ctx context.Context, path string) (map[string]float64, error) {
	return s.customAt(ctx, "v1beta2", path)
}

// customAt reads a version of it.
func (s *story) customAt(ctx context.Context, version, path string) (map[string]float64, error) {
	body, err := s.Client.Discovery().RESTClient().Get().
		AbsPath("/apis/custom.metrics.k8s.io/" + version + "/namespaces/" + s.ns + path).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, body)
	}
	var list struct {
		Items []struct {
			DescribedObject struct{ Name string }
			Value           resource.Quantity
		}
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, item := range list.Items {
		out[item.DescribedObject.Name] = item.Value.AsApproximateFloat64()
	}
	return out, nil
}
