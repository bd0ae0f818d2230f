package fleet

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/forewarm/forewarm/policy"
)

func TestShapeOfAReplica(t *testing.T) {
	node := func(name string, labels map[string]string) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	}
	w := newWorld(
		pod("a", time.Hour, on("n1", "4")), pod("b", time.Hour, on("n2", "4")),
		node(
			"n1",
			map[string]string{"nvidia.com/gpu.product": "NVIDIA-H100", "karpenter.sh/capacity-type": "on-demand"},
		),
		node("n2", map[string]string{"nvidia.com/gpu.product": "NVIDIA-H100", "karpenter.sh/capacity-type": "spot"}),
	)
	w.scaleIs(2)
	got, err := w.Shape(t.Context(), "llm", deployment)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Shape{GPUs: 4, Product: "NVIDIA-H100", CapacityType: policy.Spot}); got != want {
		t.Errorf("want %+v, got %+v", want, got)
	}
}

func TestCapacityTypeFromTheLabelsOfEveryCloud(t *testing.T) {
	for name, tc := range map[string]struct {
		key, value string
		want       policy.CapacityType
	}{
		"Karpenter spot":      {"karpenter.sh/capacity-type", "spot", policy.Spot},
		"Karpenter reserved":  {"karpenter.sh/capacity-type", "reserved", policy.Reserved},
		"Karpenter on demand": {"karpenter.sh/capacity-type", "on-demand", policy.OnDemand},
		"EKS spot":            {"eks.amazonaws.com/capacityType", "SPOT", policy.Spot},
		"EKS on demand":       {"eks.amazonaws.com/capacityType", "ON_DEMAND", policy.OnDemand},
		"GKE spot":            {"cloud.google.com/gke-spot", "true", policy.Spot},
		"AKS spot":            {"kubernetes.azure.com/scalesetpriority", "spot", policy.Spot},
		"nothing told":        {"kubernetes.io/os", "linux", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := CapacityType(map[string]string{tc.key: tc.value}); got != tc.want {
				t.Errorf("want %q, got %q", tc.want, got)
			}
		})
	}
}
