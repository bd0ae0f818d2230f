package fleet

import (
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// KEDA's own defaults.
const (
	kedaMax = 100 // maxReplicaCount
	kedaMin = 0   // minReplicaCount
)

// The annotations that stop KEDA, or drive it.
const (
	annotationPaused   = "autoscaling.keda.sh/paused"
	annotationPausedAt = "autoscaling.keda.sh/paused-replicas"
	annotationNoIn     = "autoscaling.keda.sh/paused-scale-in"
	annotationNoOut    = "autoscaling.keda.sh/paused-scale-out"
	annotationForced   = "autoscaling.keda.sh/force-activation"
)

// scaledObject reads the fields that concern us. What has the wrong type counts as
// absent: the API server checked it against KEDA's schema.
func scaledObject(u *unstructured.Unstructured) ScaledObject {
	f := fields{u.Object}
	o := ScaledObject{
		Namespace: u.GetNamespace(), Name: u.GetName(),
		APIVersion: f.text("spec", "scaleTargetRef", "apiVersion"),
		Kind:       f.text("spec", "scaleTargetRef", "kind"),
		Target:     f.text("spec", "scaleTargetRef", "name"),
		Min:        or(f.whole("spec", "minReplicaCount"), kedaMin),
		Max:        or(f.whole("spec", "maxReplicaCount"), kedaMax),
		Idle:       f.whole("spec", "idleReplicaCount"),
		Paused:     paused(u.GetAnnotations()),
		NoOut:      switched(u.GetAnnotations(), annotationNoOut),
		NoIn:       switched(u.GetAnnotations(), annotationNoIn),
		Forced:     switched(u.GetAnnotations(), annotationForced),
	}
	triggers, _, _ := unstructured.NestedSlice(u.Object, "spec", "triggers")
	for _, t := range triggers {
		m, ok := t.(map[string]any)
		if kind := (fields{m}).text("type"); !ok || (kind != "external" && kind != "external-push") {
			continue
		}
		metadata, _, _ := unstructured.NestedStringMap(m, "metadata")
		o.Triggers = append(o.Triggers, metadata)
		if (fields{m}).text("metricType") == "Value" {
			o.Notes = append(o.Notes, "metricType Value divides by the replicas that are ready, so a fleet that loads is "+
				"shrunk: use AverageValue.")
		}
	}
	if len(o.Triggers) > 0 {
		o.Notes = append(o.Notes, o.risks(f)...)
	}
	return o
}

// paused reads KEDA's annotations. Paused without a count stays as it is.
func paused(annotations map[string]string) *int {
	if at, ok := annotations[annotationPausedAt]; ok {
		if n, err := strconv.Atoi(at); err == nil && n >= 0 {
			return &n
		}
		return new(-1)
	}
	if switched(annotations, annotationPaused) {
		return new(-1)
	}
	return nil
}

// switched reads a switch as KEDA does: whatever is there and not a false is a true, an
// empty value and "off" as well.
func switched(annotations map[string]string, name string) bool {
	text, found := annotations[name]
	is, err := strconv.ParseBool(text)
	return found && (is || err != nil)
}

// exactUpTo is the largest count that the HPA's tolerance of 10 % leaves exact.
const exactUpTo = 9

// risks are the settings that undo what we answer. Sources: the HPA's replica
// calculator and KEDA's executor; see docs/keda.md.
func (o ScaledObject) risks(f fields) []string {
	var out []string
	if n := f.whole("spec", "fallback", "replicas"); n != nil && *n == 0 {
		out = append(out, "fallback.replicas 0 takes the fleet to zero when Forewarm cannot answer: leave fallback out.")
	}
	if f.has("spec", "advanced", "scalingModifiers", "formula") {
		out = append(out, "scalingModifiers take for activity whether the formula is above activationTarget, and not what "+
			"Forewarm proved: leave them out.")
	}
	behaviour := []string{"spec", "advanced", "horizontalPodAutoscalerConfig", "behavior"}
	up, down := append(behaviour, "scaleUp", "tolerance"), append(behaviour, "scaleDown", "tolerance")
	if o.Max > exactUpTo && (!f.has(up...) || !f.has(down...)) {
		out = append(out, fmt.Sprintf("Without a tolerance of 0 in behavior the HPA ignores small changes above %d replicas.",
			exactUpTo))
	}
	return out
}

// fields reads an object of which only the schema is known.
type fields struct{ object map[string]any }

func (f fields) has(path ...string) bool {
	_, found, err := unstructured.NestedFieldNoCopy(f.object, path...)
	return found && err == nil
}

func (f fields) text(path ...string) string {
	s, _, _ := unstructured.NestedString(f.object, path...)
	return s
}

func (f fields) whole(path ...string) *int {
	v, found, err := unstructured.NestedInt64(f.object, path...)
	if !found || err != nil {
		return nil
	}
	n := int(v)
	return &n
}

func or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}
