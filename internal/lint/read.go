package lint

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigs "sigs.k8s.io/yaml"
)

// Read adds the objects of a YAML or JSON stream. Objects of other kinds are passed
// over; one that cannot be understood is an error, which names it.
func (in *Input) Read(r io.Reader, file string) error {
	docs := yaml.NewYAMLReader(bufio.NewReader(r))
	var errs []error
	for n := 1; ; n++ {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return errors.Join(errs...)
		}
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("%s: document %d: %w", file, n, err))...)
		}
		if len(bytes.TrimSpace(doc)) == 0 {
			continue
		}
		if err := in.Add(doc, file); err != nil {
			errs = append(errs, fmt.Errorf("%s: document %d: %w", file, n, err))
		}
	}
}

// head is what every object has.
type head struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metav1.ObjectMeta `json:"metadata"`
	Items      []rawItem         `json:"items"`
}

// rawItem is an object of a List, as it is.
type rawItem []byte

// UnmarshalJSON keeps the bytes.
func (r *rawItem) UnmarshalJSON(b []byte) error { *r = bytes.Clone(b); return nil }

// Add adds one object, in YAML or JSON.
func (in *Input) Add(doc []byte, file string) error {
	var h head
	if err := sigs.Unmarshal(doc, &h); err != nil {
		return err
	}
	if h.Kind == "List" || len(h.Items) > 0 {
		var errs []error
		for i, item := range h.Items {
			if err := in.Add(item, file); err != nil {
				errs = append(errs, fmt.Errorf("items[%d]: %w", i, err))
			}
		}
		return errors.Join(errs...)
	}
	ref := Ref{File: file, Kind: h.Kind, Namespace: h.Metadata.Namespace, Name: h.Metadata.Name}
	if ref.Namespace == "" {
		ref.Namespace = "default"
	}
	if err := in.add(doc, h, ref); err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	return nil
}

func (in *Input) add(doc []byte, h head, ref Ref) error {
	switch h.Kind {
	case "HorizontalPodAutoscaler":
		if managed(h.Metadata) {
			return nil
		}
		return in.addHPA(doc, h, ref)
	case "ScaledObject":
		var o struct {
			Spec ScaledSpec `json:"spec"`
		}
		if err := sigs.Unmarshal(doc, &o); err != nil {
			return err
		}
		in.Scaled = append(in.Scaled, Scaled{ref, o.Spec})
	case "ResourceQuota":
		var o corev1.ResourceQuota
		if err := sigs.Unmarshal(doc, &o); err != nil {
			return err
		}
		in.Quotas = append(in.Quotas, Quota{ref, o.Spec.Hard})
	case "Deployment", "StatefulSet", "LeaderWorkerSet":
		return in.addWorkload(doc, ref)
	}
	return nil
}

// addHPA adds an HPA of any version. A file is read strictly, as a typing error in it is what nobody would see; what a
// cluster has was taken by its API server, which may be newer than this. Versions before v2 are read for what all of
// them have: the target and the bounds.
func (in *Input) addHPA(doc []byte, h head, ref Ref) error {
	older := h.APIVersion != "autoscaling/v2"
	var o autoscalingv2.HorizontalPodAutoscaler
	var err error
	if older || ref.File == "" {
		err = sigs.Unmarshal(doc, &o)
	} else {
		err = sigs.UnmarshalStrict(doc, &o)
	}
	if err != nil {
		return err
	}
	if older {
		o.Spec.Metrics, o.Spec.Behavior, o.Status = nil, nil, autoscalingv2.HorizontalPodAutoscalerStatus{}
	}
	in.HPAs = append(in.HPAs, HPA{ref, o.Spec, o.Status, older})
	return nil
}

func (in *Input) addWorkload(doc []byte, ref Ref) error {
	w := Workload{Ref: ref, PodField: "spec.template", Pods: 1}
	if ref.Kind == "LeaderWorkerSet" {
		var o struct {
			Spec struct {
				Replicas *int32 `json:"replicas"`
				Group    struct {
					Size   *int                    `json:"size"`
					Worker corev1.PodTemplateSpec  `json:"workerTemplate"`
					Leader *corev1.PodTemplateSpec `json:"leaderTemplate"`
				} `json:"leaderWorkerTemplate"`
			} `json:"spec"`
		}
		if err := sigs.Unmarshal(doc, &o); err != nil {
			return err
		}
		w.Replicas, w.Pod, w.PodField = o.Spec.Replicas, o.Spec.Group.Worker, "spec.leaderWorkerTemplate.workerTemplate"
		if o.Spec.Group.Leader != nil { // the leader is what runs the engine's command
			w.Pod, w.PodField = *o.Spec.Group.Leader, "spec.leaderWorkerTemplate.leaderTemplate"
		}
		if o.Spec.Group.Size != nil {
			w.Pods = *o.Spec.Group.Size
		}
	} else {
		var o appsv1.Deployment // a StatefulSet has the same fields
		if err := sigs.Unmarshal(doc, &o); err != nil {
			return err
		}
		w.Replicas, w.Pod = o.Spec.Replicas, o.Spec.Template
	}
	in.Workloads = append(in.Workloads, w)
	return nil
}
