package lint

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// accelerator says whether a resource is a GPU or the like.
func accelerator(name string) bool {
	for _, prefix := range []string{
		"nvidia.com/gpu", "nvidia.com/mig-", "amd.com/gpu", "gpu.intel.com/", "habana.ai/gaudi", "google.com/tpu",
		"aws.amazon.com/neuron",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func gpusOf(p *corev1.PodTemplateSpec) int {
	sum := 0
	for i := range p.Spec.Containers {
		sum += containerGPUs(&p.Spec.Containers[i])
	}
	return sum
}

func containerGPUs(c *corev1.Container) int {
	for _, list := range []corev1.ResourceList{c.Resources.Limits, c.Resources.Requests} {
		sum := 0
		for name, q := range list {
			if accelerator(string(name)) {
				sum += int(q.Value())
			}
		}
		if sum > 0 {
			return sum
		}
	}
	return 0
}

// ranks are the flags of engines that say over how many GPUs a replica is split:
// vLLM's and SGLang's.
var ranks = []struct {
	what  string
	flags []string
}{
	{"tensor", []string{"--tensor-parallel-size", "-tp", "--tp-size", "--tp"}},
	{"pipeline", []string{"--pipeline-parallel-size", "-pp", "--pp-size", "--pp"}},
}

// dataRanks multiply GPUs by rules that differ per engine and launcher: with them,
// nothing is said.
var dataRanks = []string{
	"--data-parallel-size", "-dp", "--dp-size", "--dp", "--data-parallel-size-local", "--enable-dp-attention",
}

// parallelism: ranks and GPUs that do not match crash at start, or waste GPUs.
func parallelism(in *Input) []Finding {
	var out []Finding
	for _, w := range in.Workloads {
		for i := range w.Pod.Spec.Containers {
			c := &w.Pod.Spec.Containers[i]
			split, said := splitOf(c)
			if said == "" || containerGPUs(c) == 0 {
				continue
			}
			if have := containerGPUs(c) * w.Pods; split != have {
				out = append(out, w.find(Error, fmt.Sprintf("%s.spec.containers[%d].resources.limits", w.PodField, i),
					fmt.Sprintf("%s needs %s per replica, got %d", said, countOf(split), have),
					"make the product of the parallel sizes the GPUs of a replica"))
			}
		}
		t := target{w.Namespace, w.Kind, w.Name}
		if v, ok := in.variant(t); ok && w.gpus() > 0 && v.GPUs != w.gpus() {
			out = append(out, w.find(Error, w.PodField,
				fmt.Sprintf("a replica has %d GPUs, but variant %s is configured with %d", w.gpus(), v.Name, v.GPUs),
				"correct gpus.perReplica, or the parallel sizes, of the variant"))
		}
	}
	return out
}

func countOf(n int) string {
	if n == 1 {
		return "one GPU"
	}
	return fmt.Sprintf("%d GPUs", n)
}

// splitOf is how many GPUs a container's command asks for, and what says so; empty
// if nothing does.
func splitOf(c *corev1.Container) (gpus int, said string) {
	words := wordsOf(c)
	if mentions(words, dataRanks) {
		return 0, ""
	}
	gpus = 1
	var parts []string
	for _, r := range ranks {
		if n := flagValue(words, r.flags); n > 0 {
			gpus *= n
			parts = append(parts, fmt.Sprintf("%s parallel %d", r.what, n))
		}
	}
	if len(parts) == 0 && alone(c, words) {
		return 1, "vLLM without a parallel size"
	}
	return gpus, strings.Join(parts, " x ")
}

// wordsOf is a container's command, with flags spelled alike.
func wordsOf(c *corev1.Container) []string {
	words := strings.Fields(strings.Join(append(append([]string(nil), c.Command...), c.Args...), " "))
	for i, w := range words { // vLLM takes --tensor_parallel_size as well
		if strings.HasPrefix(w, "--") {
			words[i] = strings.ReplaceAll(w, "_", "-")
		}
	}
	return words
}

// mentions says whether any of some flags is there, whatever its value.
func mentions(words, flags []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		name, _, _ := strings.Cut(w, "=")
		return slices.Contains(flags, name)
	})
}

// alone says that a container serves with vLLM on one GPU, which is what it takes if nothing says otherwise: no flag,
// not even one whose value is seen only at start, and no file of flags.
func alone(c *corev1.Container, words []string) bool {
	told := []string{"--config"}
	for _, r := range ranks {
		told = append(told, r.flags...)
	}
	return servesVLLM(c, words) && !mentions(words, told)
}

// servesVLLM says whether a command is vLLM's server: vllm serve, its module, or the arguments of its image.
func servesVLLM(c *corev1.Container, words []string) bool {
	for i, w := range words {
		command := strings.Trim(w, `"'`)
		if strings.HasPrefix(command, "vllm.entrypoints.") ||
			path.Base(command) == "vllm" && i+1 < len(words) && words[i+1] == "serve" {
			return true
		}
	}
	name, _, _ := strings.Cut(path.Base(c.Image), ":")
	return len(c.Command) == 0 && len(c.Args) > 0 && strings.HasPrefix(name, "vllm")
}

// flagValue is the number of the first of some flags; 0 if none is there.
func flagValue(words, flags []string) int {
	for i, w := range words {
		for _, f := range flags {
			value, joined := strings.CutPrefix(w, f+"=")
			if w == f && i+1 < len(words) {
				value, joined = words[i+1], true
			}
			if n, err := strconv.Atoi(strings.Trim(value, `"'\`)); joined && err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}
