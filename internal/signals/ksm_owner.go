package signals

import (
	"regexp"
	"strings"
)

// The workload kinds that kube-state-metrics knows.
const (
	kindDeployment = "Deployment"
	kindStateful   = "StatefulSet"
	kindReplicaSet = "ReplicaSet"
	kindLWS        = "LeaderWorkerSet"
	kindPod        = "Pod"
	noOwner        = "<none>" // the owner kind of a bare pod
)

// variantOf says which variant a pod belongs to: by owner where it is known, by
// name where it is not. "" = none.
//
//	pod -> ReplicaSet -> Deployment (or Rollout, ...)
//	pod -> StatefulSet
//	pod -> StatefulSet named as the LeaderWorkerSet: a leader; workers do not count
func (c *ksmView) variantOf(namespace string, p *ksmPod, variants []VariantBinding) string {
	if p.owner == "" || p.ownerKind == "" || p.ownerKind == noOwner {
		return variantByName(p.name, variants)
	}
	kind, name := p.ownerKind, p.owner
	if kind == kindReplicaSet {
		top, ok := c.replica[objectKey{namespace, name}]
		if !ok {
			return variantByName(p.name, variants)
		}
		kind, name = top[0], top[1]
	}
	for _, v := range variants {
		if v.Target == name && (v.Kind == kind || (v.Kind == kindLWS && kind == kindStateful)) {
			return v.Name
		}
	}
	return variantByName(p.name, foreign(variants))
}

// foreign are the variants whose pods kube-state-metrics cannot join by owner.
func foreign(variants []VariantBinding) []VariantBinding {
	var out []VariantBinding
	for _, v := range variants {
		switch v.Kind {
		case kindDeployment, kindStateful, kindReplicaSet, kindLWS:
		default:
			out = append(out, v)
		}
	}
	return out
}

var (
	deploymentPod = regexp.MustCompile(`^(.+)-[a-z0-9]{6,10}-[a-z0-9]{5}$`)
	statefulPod   = regexp.MustCompile(`^(.+)-[0-9]+$`)
	replicaSetPod = regexp.MustCompile(`^(.+)-[a-z0-9]{5}$`)
)

// variantByName joins by the names that controllers give; the longest target
// wins, so that "llama" does not take the pods of "llama-spot".
func variantByName(podName string, variants []VariantBinding) string {
	best, name := -1, ""
	for _, v := range variants {
		if len(v.Target) > best && namedAfter(podName, v) {
			best, name = len(v.Target), v.Name
		}
	}
	return name
}

func namedAfter(podName string, v VariantBinding) bool {
	match := func(re *regexp.Regexp) bool {
		m := re.FindStringSubmatch(podName)
		return m != nil && m[1] == v.Target
	}
	switch v.Kind {
	case kindDeployment:
		return match(deploymentPod)
	case kindStateful, kindLWS:
		return match(statefulPod)
	case kindReplicaSet:
		return match(replicaSetPod)
	case kindPod:
		return podName == v.Target
	}
	return podName == v.Target || strings.HasPrefix(podName, v.Target+"-")
}

// workloadByName guesses the workload behind a pod from its name.
func workloadByName(podName string) (kind, name string) {
	if m := deploymentPod.FindStringSubmatch(podName); m != nil {
		return kindDeployment, m[1]
	}
	if m := statefulPod.FindStringSubmatch(podName); m != nil {
		return kindStateful, m[1]
	}
	return kindPod, podName
}
