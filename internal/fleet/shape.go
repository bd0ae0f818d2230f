package fleet

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/forewarm/forewarm/policy"
)

// maxNodes bounds how many nodes one Shape reads.
const maxNodes = 20

// Shape is what a replica of a target is made of. Zero fields are not known.
type Shape struct {
	GPUs         int // per pod
	Product      string
	CapacityType policy.CapacityType // the riskiest among the nodes seen
}

// Shape looks at the pods of a target and at their nodes. Without pods, nothing
// is known. A forbidden read of nodes leaves product and capacity type unknown.
func (f *Fleet) Shape(ctx context.Context, namespace string, t Target) (Shape, error) {
	gvr, err := f.resource(t)
	if err != nil {
		return Shape{}, err
	}
	target, err := f.scaleOf(ctx, gvr, namespace, t)
	if err != nil {
		return Shape{}, err
	}
	pods, err := f.list(ctx, namespace, target.selector.String())
	if err != nil {
		return Shape{}, err
	}
	var out Shape
	nodes := map[string]bool{}
	for i := range pods {
		out.GPUs = max(out.GPUs, gpusOf(&pods[i]))
		if n := pods[i].Spec.NodeName; n != "" && len(nodes) < maxNodes {
			nodes[n] = true
		}
	}
	for name := range nodes {
		node, err := f.core.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return out, fmt.Errorf("get node %s: %w", name, err)
		}
		if p := node.Labels["nvidia.com/gpu.product"]; p != "" && (out.Product == "" || p < out.Product) {
			out.Product = p
		}
		out.CapacityType = riskier(out.CapacityType, CapacityType(node.Labels))
	}
	return out, nil
}

// CapacityType reads how a node was bought from the labels of Karpenter, EKS, GKE
// and AKS. "" = the labels do not tell.
func CapacityType(labels map[string]string) policy.CapacityType {
	value := func(key string) string { return strings.ToLower(labels[key]) }
	switch {
	case value("karpenter.sh/capacity-type") == "spot", value("eks.amazonaws.com/capacityType") == "spot",
		value("cloud.google.com/gke-spot") == "true", value("cloud.google.com/gke-preemptible") == "true",
		value("kubernetes.azure.com/scalesetpriority") == "spot":
		return policy.Spot
	case value("karpenter.sh/capacity-type") == "reserved", value("eks.amazonaws.com/capacityType") == "capacity_block":
		return policy.Reserved
	case value("karpenter.sh/capacity-type") == "on-demand", value("eks.amazonaws.com/capacityType") == "on_demand",
		value("kubernetes.azure.com/scalesetpriority") == "regular":
		return policy.OnDemand
	}
	return ""
}

// riskier prefers spot: taking a spot node for a safe one is the worse mistake.
func riskier(a, b policy.CapacityType) policy.CapacityType {
	if a == "" || b == policy.Spot {
		if b == "" {
			return a
		}
		return b
	}
	return a
}

// gpusOf sums the accelerators of a pod's containers.
func gpusOf(p *corev1.Pod) int {
	sum := 0
	for _, c := range p.Spec.Containers {
		for name, q := range c.Resources.Limits { // extended resources have equal requests and limits
			if accelerator(string(name)) {
				sum += int(q.Value())
			}
		}
	}
	return sum
}

// accelerator says whether an extended resource is a GPU or the like.
func accelerator(name string) bool {
	for _, prefix := range []string{
		"nvidia.com/gpu", "nvidia.com/mig-", "amd.com/gpu", "gpu.intel.com/", "habana.ai/gaudi",
		"google.com/tpu", "aws.amazon.com/neuron",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
