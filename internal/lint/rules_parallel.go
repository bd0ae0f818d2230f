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

// gpusOf are the accelerators of a pod, of those that count.
func gpusOf(p *corev1.PodTemplateSpec, count func(name string) bool) int {
	sum := 0
	for i := range p.Spec.Containers {
		sum += gpusIn(&p.Spec.Containers[i], count)
	}
	return sum
}

func containerGPUs(c *corev1.Container) int { return gpusIn(c, accelerator) }

func gpusIn(c *corev1.Container, count func(name string) bool) int {
	for _, list := range []corev1.ResourceList{c.Resources.Limits, c.Resources.Requests} {
		sum := 0
		for name, q := range list {
			if count(string(name)) {
				sum += int(q.Value())
			}
		}
		if sum > 0 {
			return sum
		}
	}
	return 0
}

// ranks are the flags of engines that say over how many GPUs a replica is split: those of vLLM, SGLang, TensorRT-LLM
// (--tp_size, spelled alike) and LMDeploy (--tp).
var ranks = []struct {
	what  string
	flags []string
}{
	{"tensor", []string{"--tensor-parallel-size", "-tp", "--tp-size", "--tp"}},
	{"pipeline", []string{"--pipeline-parallel-size", "-pp", "--pp-size", "--pp"}},
}

// unsure are flags with which nothing is said: data and context parallelism multiply GPUs by rules that differ per
// engine and launcher, and TensorRT-LLM's file of options overrides its flags.
var unsure = []string{
	"--data-parallel-size", "-dp", "--dp-size", "--dp", "--data-parallel-size-local", "--enable-dp-attention",
	"--context-parallel-size", "--cp-size", "--cp", "--prefill-context-parallel-size", "-pcp",
	"--extra-llm-api-options",
}

// parallelism: ranks and GPUs that do not match crash at start, or waste GPUs.
func parallelism(in *Input) []Finding {
	var out []Finding
	for _, w := range in.Workloads {
		for i := range w.Pod.Spec.Containers {
			c := &w.Pod.Spec.Containers[i]
			split, said := splitOf(c)
			have := containerGPUs(c) * w.Pods
			if n := shardsOf(c); n > 0 { // each pod is a server of its own
				split, said, have = n, fmt.Sprintf("--num-shard %d", n), containerGPUs(c)
			}
			if said != "" && have > 0 && split != have {
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
	if mentions(words, unsure) || slices.Contains(words, "trtllm-serve") && mentions(words, []string{"--config"}) {
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
	if engine := alone(c, words); len(parts) == 0 && engine != "" {
		return 1, engine + " without a parallel size"
	}
	return gpus, strings.Join(parts, " x ")
}

// shardsOf is over how many GPUs TGI splits, if it is told: by a flag, or by the variable that stands for it. Without
// either it takes all.
func shardsOf(c *corev1.Container) int {
	words := wordsOf(c)
	if mentions(words, []string{"--sharded"}) { // false undoes the number
		return 0
	}
	if n := flagValue(words, []string{"--num-shard"}); n > 0 {
		return n
	}
	tgi := strings.Contains(c.Image, "text-generation-inference") || slices.Contains(words, "text-generation-launcher")
	for _, e := range c.Env {
		if n, err := strconv.Atoi(e.Value); tgi && e.Name == "NUM_SHARD" && err == nil {
			return n
		}
	}
	return 0
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

// alone is the engine of a container that serves on one GPU, as vLLM, SGLang and LMDeploy do if nothing says
// otherwise: no flag, not even one whose value is seen only at start, and no file of flags. Empty if it does not.
func alone(c *corev1.Container, words []string) string {
	told := []string{"--config"}
	for _, r := range ranks {
		told = append(told, r.flags...)
	}
	switch {
	case mentions(words, told):
		return ""
	case servesVLLM(c, words):
		return "vLLM"
	case mentions(words, []string{"sglang.launch_server"}) || follows(words, "sglang", "serve"):
		return "SGLang"
	case follows(words, "lmdeploy", "serve"):
		return "LMDeploy"
	}
	return ""
}

// follows says whether a program is called with some first argument.
func follows(words []string, program, argument string) bool {
	for i, w := range words {
		if path.Base(strings.Trim(w, `"'`)) == program && i+1 < len(words) && words[i+1] == argument {
			return true
		}
	}
	return false
}

// servesVLLM says whether a command is vLLM's server: vllm serve, its module, or the arguments of its image.
func servesVLLM(c *corev1.Container, words []string) bool {
	module := func(w string) bool { return strings.HasPrefix(strings.Trim(w, `"'`), "vllm.entrypoints.") }
	if follows(words, "vllm", "serve") || slices.ContainsFunc(words, module) {
		return true
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
