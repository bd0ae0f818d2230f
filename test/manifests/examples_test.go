package manifests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	klabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
)

// examples are the objects of all examples.
func examples(t *testing.T) []object {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "manifests/examples/*.yaml"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	var all []object
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, decode(t, text)...)
	}
	return all
}

// A workload that another object of the examples refers to must exist, and its replicas are the autoscaler's.
func TestExamplesFitTogether(t *testing.T) {
	targets := map[string]bool{}
	for _, o := range examples(t) {
		targets[name(o)] = true
		if at(o, "spec", "replicas") != nil {
			t.Errorf("%s: want no replicas, the autoscaler owns them", name(o))
		}
		if ns := at(o, "metadata", "namespace"); ns != "llm" && o["kind"] != "Config" {
			t.Errorf("%s: want it in the namespace of the configuration's models", name(o))
		}
	}
	for _, o := range examples(t) {
		target, _ := at(o, "spec", "scaleTargetRef").(object)
		if target == nil {
			continue
		}
		kind := target["kind"]
		if kind == nil {
			kind = "Deployment"
		}
		if !targets[fmt.Sprintf("%v llm/%v", kind, target["name"])] {
			t.Errorf("%s scales %v %v, which no example has", name(o), kind, target["name"])
		}
		if o["kind"] == "ScaledObject" && !strings.Contains(fmt.Sprint(o), "forewarm-scaler.forewarm.svc.cluster.local:9443") {
			t.Errorf("%s: want the address of the scaler's Service", name(o))
		}
	}
}

// templates are the pods of an object.
func templates(o object) []any {
	var out []any
	for _, path := range [][]string{
		{"template"}, {"leaderWorkerTemplate", "leaderTemplate"}, {"leaderWorkerTemplate", "workerTemplate"},
	} {
		if pod := at(o["spec"], path...); pod != nil {
			out = append(out, pod)
		}
	}
	return out
}

// Ranks of a tensor-parallel engine talk through shared memory, of which a container has 64 MB unless it is given more.
func TestExamplesOnSeveralGPUsHaveSharedMemory(t *testing.T) {
	several := 0
	for _, o := range examples(t) {
		for _, pod := range templates(o) {
			container := at(pod, "spec", "containers").([]any)[0]
			if gpus := at(container, "resources", "limits", "nvidia.com/gpu"); gpus == nil || fmt.Sprint(gpus) == "1" {
				continue
			}
			several++
			volume := fmt.Sprint(at(pod, "spec", "volumes"))
			if mounts := fmt.Sprint(at(container, "volumeMounts")); !strings.Contains(mounts, "mountPath:/dev/shm name:shm") ||
				!strings.Contains(volume, "medium:Memory") || !strings.Contains(volume, "name:shm") {
				t.Errorf("%s: want memory at /dev/shm, got mounts %s of %s", name(o), mounts, volume)
			}
		}
	}
	if several < 4 {
		t.Errorf("want the pods of four examples, got %d", several)
	}
}

// Each Service leads to pods of the examples; that of the model on spot and on on-demand nodes, to both kinds.
func TestExampleServicesLeadToPods(t *testing.T) {
	behind := map[string]int{}
	for _, service := range examples(t) {
		if service["kind"] != "Service" {
			continue
		}
		for _, o := range examples(t) {
			for _, pod := range templates(o) {
				fits := true
				for key, value := range at(service, "spec", "selector").(object) {
					fits = fits && at(pod, "metadata", "labels", key) == value
				}
				if fits {
					behind[name(service)]++
				}
			}
		}
	}
	want := map[string]int{"Service llm/llama-8b": 1, "Service llm/llama-70b": 2}
	if fmt.Sprint(behind) != fmt.Sprint(want) {
		t.Errorf("want %v workloads behind them, got %v", want, behind)
	}
}

// The configuration that belongs to the examples is one, and what it scales are the examples' workloads.
func TestTheExampleConfigurationIsOne(t *testing.T) {
	path := filepath.Join(root, "manifests/examples/forewarm.yaml")
	cfg, err := config.Load(path, app.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	workloads := map[string]bool{}
	for _, o := range examples(t) {
		workloads[name(o)] = true
	}
	models := config.NewRegistry(cfg).Models()
	if len(models) == 0 {
		t.Error("want models")
	}
	for _, m := range models {
		for _, v := range m.Variants {
			if want := fmt.Sprintf("%v %s/%s", v.Target.Kind, m.ID.Namespace, v.Target.Name); !workloads[want] {
				t.Errorf("model %s scales %s, which no example has", m.ID.Name, want)
			}
		}
	}
}

// selected says whether a selector takes labels.
func selected(t *testing.T, selector any, labels any) bool {
	t.Helper()
	var s metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(selector.(object), &s); err != nil {
		t.Fatal(err)
	}
	by, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		t.Fatal(err)
	}
	set := klabels.Set{}
	for key, value := range labels.(object) {
		set[key] = fmt.Sprint(value)
	}
	return by.Matches(set)
}

// serves says whether a pod has a port of a name.
func serves(pod any, port any) bool {
	for _, c := range at(pod, "spec", "containers").([]any) {
		ports, _ := at(c, "ports").([]any)
		for _, p := range ports {
			if at(p, "name") == port {
				return true
			}
		}
	}
	return false
}

// configured is the examples' configuration, and their objects by kind, namespace and name.
func configured(t *testing.T) (*config.Config, map[string]object) {
	t.Helper()
	cfg, err := config.Load(filepath.Join(root, "manifests/examples/forewarm.yaml"), app.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	workloads := map[string]object{}
	for _, o := range examples(t) {
		workloads[name(o)] = o
	}
	return cfg, workloads
}

// target is the example that a variant scales.
func target(workloads map[string]object, namespace, kind, of string) object {
	return workloads[fmt.Sprintf("%s %s/%s", kind, namespace, of)]
}

// What Forewarm is configured to scale is scraped: the pod that serves, the leader of a group, and no other.
func TestExampleEnginesAreScraped(t *testing.T) {
	cfg, workloads := configured(t)
	monitor := workloads["PodMonitor llm/vllm"]
	port := at(at(monitor, "spec", "podMetricsEndpoints").([]any)[0], "port")
	for _, m := range config.NewRegistry(cfg).Models() {
		for _, v := range m.Variants {
			workload := target(workloads, m.ID.Namespace, v.Target.Kind, v.Target.Name)
			scraped := 0
			for _, pod := range templates(workload) {
				if serves(pod, port) && selected(t, at(monitor, "spec", "selector"), at(pod, "metadata", "labels")) {
					scraped++
				}
			}
			if scraped != 1 {
				t.Errorf("%s: want one kind of its pods scraped by %s, got %d", name(workload), name(monitor), scraped)
			}
		}
	}
}

// gpusOf are those of a replica of a workload: of its pod, or of all pods of a group, the leader and the workers.
func gpusOf(t *testing.T, o object) int {
	t.Helper()
	size, group := at(o, "spec", "leaderWorkerTemplate", "size").(float64)
	sum := 0
	for i, pod := range templates(o) {
		pods := 1
		if group && i > 0 {
			pods = int(size) - 1
		}
		for _, c := range at(pod, "spec", "containers").([]any) {
			gpus, _ := at(c, "resources", "limits", "nvidia.com/gpu").(float64)
			sum += pods * int(gpus)
		}
	}
	return sum
}

// What the configuration says of a replica's GPUs is what its pods ask for, a whole group of a LeaderWorkerSet, and what
// the engine in them is told to spread over.
func TestExampleConfigurationCountsGPUs(t *testing.T) {
	cfg, workloads := configured(t)
	groups := 0
	for _, m := range config.NewRegistry(cfg).Models() {
		for _, v := range m.Variants {
			workload := target(workloads, m.ID.Namespace, v.Target.Kind, v.Target.Name)
			if got := gpusOf(t, workload); got != v.GPUs {
				t.Errorf("%s: %s asks for %d GPUs, the configuration says %d", m.ID.Name, name(workload), got, v.GPUs)
			}
			if v.Target.Kind == "LeaderWorkerSet" {
				groups++
			}
		}
	}
	if groups == 0 {
		t.Error("want a LeaderWorkerSet among them")
	}
	for _, m := range cfg.Models {
		for _, v := range m.Variants {
			text := fmt.Sprint(target(workloads, m.Namespace, v.Target.Kind, v.Target.Name))
			for flag, n := range map[string]*int{
				"--tensor-parallel-size": v.GPUs.TensorParallel, "--pipeline-parallel-size": v.GPUs.PipelineParallel,
			} {
				if n != nil && !regexp.MustCompile(fmt.Sprintf(`%s[= ]%d\b`, flag, *n)).MatchString(text) {
					t.Errorf("%s: want its engine started with %s %d", m.Name, flag, *n)
				}
			}
		}
	}
}
