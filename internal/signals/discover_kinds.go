package signals

import (
	"regexp"
	"strings"
)

// standIn is the apiVersion of a kind that is not known here: metrics tell the
// kind of an owner and not its group.
const standIn = "unknown/v1"

func apiVersion(kind string) string {
	switch kind {
	case kindDeployment, kindStateful, kindReplicaSet, "DaemonSet":
		return "apps/v1"
	case kindPod:
		return "v1"
	case "Job":
		return "batch/v1"
	case kindLWS:
		return "leaderworkerset.x-k8s.io/v1"
	case "Rollout":
		return "argoproj.io/v1alpha1"
	case "RayCluster":
		return "ray.io/v1"
	}
	return standIn
}

// scalable says whether replicas of the kind can be set.
func scalable(kind string) bool {
	switch kind {
	case kindPod, "DaemonSet", "Job":
		return false
	}
	return apiVersion(kind) != standIn
}

var (
	objectName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	kindName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
)

// variantFrom is a variant of what serves the pods. Outside Kubernetes a name
// may be no object's, and is then slugged.
func variantFrom(w workload, pods []string) FoundVariant {
	v := FoundVariant{Name: Slug(w.name), Kind: orElse(w.kind, kindDeployment), Target: w.name, Pods: pods}
	if !kindName.MatchString(v.Kind) {
		v.Kind = kindPod
	}
	if len(v.Target) > 253 || !objectName.MatchString(v.Target) {
		v.Target = Slug(w.name)
	}
	v.APIVersion = apiVersion(v.Kind)
	return v
}

// nameVariants tells apart objects of one name and several kinds.
func nameVariants(vs []FoundVariant) {
	count := map[string]int{}
	for _, v := range vs {
		count[v.Name]++
	}
	for i := range vs {
		if v := &vs[i]; count[v.Name] > 1 {
			v.Name = hashed(v.Name, strings.Join([]string{v.Kind, v.Target}, "\xff"))
		}
	}
}
