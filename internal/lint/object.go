package lint

import (
	"fmt"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Ref says where an object is from.
type Ref struct {
	File      string // empty: the cluster
	Kind      string
	Namespace string
	Name      string
}

// String is Kind namespace/name.
func (r Ref) String() string { return r.Kind + " " + r.Namespace + "/" + r.Name }

// find starts a finding about a field of the object.
func (r Ref) find(s Severity, field, problem, remedy string) Finding {
	return Finding{Severity: s, File: r.File, Object: r.String(), Field: field, Problem: problem, Remedy: remedy}
}

// HPA is a HorizontalPodAutoscaler. KEDA's own are not among them: their
// ScaledObjects are judged.
type HPA struct {
	Ref
	Spec    autoscalingv2.HorizontalPodAutoscalerSpec
	Status  autoscalingv2.HorizontalPodAutoscalerStatus
	Partial bool // of an API version before v2: only target and bounds are known
}

func (h HPA) min() int {
	if h.Spec.MinReplicas == nil {
		return 1
	}
	return int(*h.Spec.MinReplicas)
}

// Scaled is a ScaledObject, as much of it as rules read.
type Scaled struct {
	Ref
	Spec ScaledSpec
}

// ScaledSpec is the spec of a ScaledObject.
type ScaledSpec struct {
	ScaleTargetRef struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Name       string `json:"name"`
	} `json:"scaleTargetRef"`
	IdleReplicaCount *int32 `json:"idleReplicaCount"`
	MinReplicaCount  *int32 `json:"minReplicaCount"`
	MaxReplicaCount  *int32 `json:"maxReplicaCount"`
	CooldownPeriod   *int32 `json:"cooldownPeriod"`
	Fallback         *struct {
		Replicas int32  `json:"replicas"`
		Behavior string `json:"behavior"`
	} `json:"fallback"`
	Advanced *struct {
		HPA *struct {
			Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior"`
		} `json:"horizontalPodAutoscalerConfig"`
	} `json:"advanced"`
	Triggers []Trigger `json:"triggers"`
}

// Trigger is one trigger of a ScaledObject.
type Trigger struct {
	Type       string            `json:"type"`
	MetricType string            `json:"metricType"`
	Metadata   map[string]string `json:"metadata"`
}

// KEDA's defaults.
const (
	kedaMax      = 100
	kedaCooldown = 300 // seconds
)

// Min is minReplicaCount, or KEDA's default.
func (s Scaled) Min() int {
	if s.Spec.MinReplicaCount == nil {
		return 0
	}
	return int(*s.Spec.MinReplicaCount)
}

// Idle is idleReplicaCount; nil if it is not given.
func (s Scaled) Idle() *int {
	if s.Spec.IdleReplicaCount == nil {
		return nil
	}
	return new(int(*s.Spec.IdleReplicaCount))
}

// External is the metadata of the triggers that ask a scaler outside of KEDA.
func (s Scaled) External() []map[string]string {
	var out []map[string]string
	for _, t := range s.Spec.Triggers {
		if t.external() {
			out = append(out, t.Metadata)
		}
	}
	return out
}

// sleeps says whether KEDA may take the target to zero: idleReplicaCount is where an inactive target goes, whatever the
// minimum while it is active.
func (s Scaled) sleeps() bool {
	if s.Spec.IdleReplicaCount != nil {
		return *s.Spec.IdleReplicaCount == 0
	}
	return s.Min() == 0
}

// Max is maxReplicaCount, or KEDA's default.
func (s Scaled) Max() int {
	if s.Spec.MaxReplicaCount == nil {
		return kedaMax
	}
	return int(*s.Spec.MaxReplicaCount)
}

func (s Scaled) behavior() *autoscalingv2.HorizontalPodAutoscalerBehavior {
	if s.Spec.Advanced == nil || s.Spec.Advanced.HPA == nil {
		return nil
	}
	return s.Spec.Advanced.HPA.Behavior
}

func (s Scaled) target() target {
	r := s.Spec.ScaleTargetRef
	if r.Kind == "" {
		r.Kind = "Deployment" // KEDA's default
	}
	return target{s.Namespace, r.Kind, r.Name}
}

func (t Trigger) external() bool { return t.Type == "external" || t.Type == "external-push" }

// ours says whether a trigger asks Forewarm: an external one that names a model or defines one, or whose address is
// that of Forewarm's Service.
func (t Trigger) ours() bool {
	if !t.external() {
		return false
	}
	return t.Metadata["model"] != "" || t.Metadata["engine"] != "" || strings.HasPrefix(t.Metadata["scalerAddress"], "forewarm")
}

// decides says whether a trigger asks for the decision, not for a signal.
func (t Trigger) decides() bool {
	m := t.Metadata["metric"]
	return t.ours() && (m == "" || m == "desired")
}

// Workload is what is scaled: a Deployment, a StatefulSet or a LeaderWorkerSet.
type Workload struct {
	Ref
	Replicas *int32 // nil = not said
	Pod      corev1.PodTemplateSpec
	PodField string // path of Pod in the object
	Pods     int    // per replica: 1, or the size of a group
}

// GPUs are the accelerators of one replica.
func (w Workload) gpus() int { return gpusOf(&w.Pod, accelerator) * w.Pods }

// Quota is a ResourceQuota.
type Quota struct {
	Ref
	Hard corev1.ResourceList
}

// target names what an autoscaler scales.
type target struct{ namespace, kind, name string }

func (t target) String() string { return fmt.Sprintf("%s %s/%s", t.kind, t.namespace, t.name) }

func (h HPA) target() target {
	return target{h.Namespace, h.Spec.ScaleTargetRef.Kind, h.Spec.ScaleTargetRef.Name}
}

// workload is what a target is, if it is known.
func (in *Input) workload(t target) (Workload, bool) {
	for _, w := range in.Workloads {
		if w.Kind == t.kind && w.Namespace == t.namespace && w.Name == t.name {
			return w, true
		}
	}
	return Workload{}, false
}

// managed says whether KEDA made an HPA.
func managed(m metav1.ObjectMeta) bool {
	if m.Labels["app.kubernetes.io/managed-by"] == "keda-operator" {
		return true
	}
	for _, o := range m.OwnerReferences {
		if o.Kind == "ScaledObject" {
			return true
		}
	}
	return false
}
