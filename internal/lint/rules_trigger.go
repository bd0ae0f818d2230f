package lint

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// Refused says what the scaler does not take in the metadata of a trigger of a ScaledObject with some name; nothing if
// it takes them.
type Refused func(object string, metadata map[string]string) []Problem

// Problem is what is wrong with one key of a trigger's metadata.
type Problem struct {
	Key  string // empty: with all of them
	Text string
}

// Clash is a ScaledObject whose definition of a model is fine by itself, and does not fit to another.
type Clash struct {
	Namespace, Name string
	Text            string
}

// triggerRefused: the scaler answers an error for what it does not understand or does not take, and on an error KEDA
// moves nothing.
func triggerRefused(in *Input) []Finding {
	const remedy = "docs/keda.md has the keys; until then nothing is scaled"
	var out []Finding
	for _, s := range in.Scaled {
		bad := false
		for i, t := range s.Spec.Triggers {
			for _, p := range in.problems(s, t) {
				field := fmt.Sprintf("spec.triggers[%d].metadata", i)
				if p.Key != "" {
					field += "." + p.Key
				}
				bad = true
				out = append(out, s.find(Error, field, p.Text, remedy))
			}
		}
		for _, c := range in.Clashes {
			if !bad && c.Namespace == s.Namespace && c.Name == s.Name {
				out = append(out, s.find(Error, "spec.triggers", c.Text, remedy))
			}
		}
	}
	return out
}

// problems are those of a trigger by itself, if it is ours.
func (in *Input) problems(s Scaled, t Trigger) []Problem {
	if in.Refused == nil || !t.ours() {
		return nil
	}
	return in.Refused(s.Name, t.Metadata)
}

// desiredTarget: the metric is a count of replicas, so divided by anything but 1 it is another count.
func desiredTarget(in *Input) []Finding {
	var out []Finding
	for _, h := range in.HPAs {
		for _, m := range metricsOf(h) {
			if m.id.Name != desired || m.target.Type != autoscalingv2.AverageValueMetricType {
				continue
			}
			field, got := m.path+".target.averageValue", "nothing"
			if v := m.target.AverageValue; v != nil {
				if v.Value() == 1 && v.MilliValue() == 1000 {
					continue
				}
				got = v.String()
			}
			out = append(out, h.find(Error, field,
				"want 1, got "+got+": "+desired+" is a count of replicas, and the HPA divides it by this", "set it to 1"))
		}
	}
	return out
}
