package manifests

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/forewarm/forewarm/test/plane"
)

// installations are what one can install, built.
func installations(t *testing.T) map[string][]object {
	t.Helper()
	out := map[string][]object{}
	for _, dir := range []string{"base", "hpa", "keda"} {
		out[dir] = build(t, dir)
	}
	return out
}

// want compares what is at a path with a text.
func want(t *testing.T, o any, text string, path ...string) {
	t.Helper()
	if got := fmt.Sprint(at(o, path...)); got != text {
		t.Errorf("%s: want %s, got %s", strings.Join(path, "."), text, got)
	}
}

// A container that is taken over can neither write its own files nor become more than it is.
func TestForewarmRunsWithoutPrivileges(t *testing.T) {
	for dir, all := range installations(t) {
		t.Run(dir, func(t *testing.T) {
			pod := at(find(t, all, "Deployment", "forewarm"), "spec", "template", "spec")
			want(t, pod, "true", "securityContext", "runAsNonRoot")
			want(t, pod, "RuntimeDefault", "securityContext", "seccompProfile", "type")
			for _, key := range []string{"hostNetwork", "hostPID", "hostIPC", "initContainers"} {
				want(t, pod, "<nil>", key)
			}
			containers := at(pod, "containers").([]any)
			if len(containers) != 1 {
				t.Errorf("want one container, got %d", len(containers))
			}
			for _, c := range containers {
				want(t, c, "true", "securityContext", "readOnlyRootFilesystem")
				want(t, c, "false", "securityContext", "allowPrivilegeEscalation")
				want(t, c, "<nil>", "securityContext", "privileged")
				want(t, c, "map[drop:[ALL]]", "securityContext", "capabilities")
				for _, mount := range at(c, "volumeMounts").([]any) {
					want(t, mount, "true", "readOnly")
				}
			}
			for _, volume := range at(pod, "volumes").([]any) {
				if at(volume, "configMap") == nil && at(volume, "secret") == nil {
					t.Errorf("want volumes of ConfigMaps and Secrets alone, got %v", volume)
				}
			}
		})
	}
}

// Two replicas, on two nodes and in two zones where there are; an update or a drain leaves one of them.
func TestForewarmRunsTwice(t *testing.T) {
	for dir, all := range installations(t) {
		t.Run(dir, func(t *testing.T) {
			deployment := find(t, all, "Deployment", "forewarm")
			want(t, deployment, "2", "spec", "replicas")
			want(t, deployment, "map[maxSurge:1 maxUnavailable:0]", "spec", "strategy", "rollingUpdate")
			labels := at(deployment, "spec", "template", "metadata", "labels").(object)
			selects := func(what string, selector any) {
				t.Helper()
				s, _ := selector.(object)
				if len(s) == 0 || !maps.Equal(s, labels) {
					t.Errorf("%s: want it to select the pods, labelled %v, got %v", what, labels, selector)
				}
			}
			selects("Deployment", at(deployment, "spec", "selector", "matchLabels"))
			var keys []any
			for _, c := range at(deployment, "spec", "template", "spec", "topologySpreadConstraints").([]any) {
				keys = append(keys, at(c, "topologyKey"))
				want(t, c, "1", "maxSkew")
				want(t, c, "ScheduleAnyway", "whenUnsatisfiable") // a cluster of one node has both
				selects("topology spread", at(c, "labelSelector", "matchLabels"))
			}
			if got := fmt.Sprint(keys); got != "[kubernetes.io/hostname topology.kubernetes.io/zone]" {
				t.Errorf("want them spread over nodes and zones, got %s", got)
			}
			budget := find(t, all, "PodDisruptionBudget", "forewarm")
			want(t, budget, "1", "spec", "maxUnavailable")
			want(t, budget, "AlwaysAllow", "spec", "unhealthyPodEvictionPolicy")
			selects("PodDisruptionBudget", at(budget, "spec", "selector", "matchLabels"))
			services := 0
			for _, o := range all {
				if o["kind"] == "Service" {
					selects(name(o), at(o, "spec", "selector"))
					services++
				}
			}
			if services < 2 {
				t.Errorf("want the metrics API and the metrics behind Services, got %d", services)
			}
		})
	}
}

// A rollout is not said to have failed while its pods may still read history.
func TestTheRolloutOutlastsTheStart(t *testing.T) {
	for dir, all := range installations(t) {
		deployment := find(t, all, "Deployment", "forewarm")
		container := at(deployment, "spec", "template", "spec", "containers").([]any)[0]
		number := func(o any, path ...string) float64 {
			n, _ := at(o, path...).(float64)
			return n
		}
		start := number(container, "startupProbe", "periodSeconds") * number(container, "startupProbe", "failureThreshold")
		if deadline := number(deployment, "spec", "progressDeadlineSeconds"); start == 0 || deadline <= start {
			t.Errorf("%s: want a deadline beyond the %.0f s of the startup probe, got %.0f", dir, start, deadline)
		}
	}
}

// The image of install.yaml has no tag, so that nobody runs what happens to be called latest; docs/install.md pins it like this.
func TestTheImageIsPinnedByKustomize(t *testing.T) {
	for _, container := range at(find(t, build(t, "base"), "Deployment", "forewarm"), "spec", "template", "spec", "containers").([]any) {
		want(t, container, "forewarm", "image")
	}
	text, err := os.ReadFile(filepath.Join(root, "manifests/install.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile(filepath.Join(root, "docs/install.md"))
	if err != nil {
		t.Fatal(err)
	}
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	const pin = "images: [{name: forewarm, newName: registry.example/forewarm, digest: 'sha256:...'}]"
	if !strings.Contains(string(docs), "resources: [install.yaml]\n"+pin) {
		t.Fatalf("docs/install.md does not say how to pin install.yaml: %s", pin)
	}
	dir := t.TempDir()
	for file, text := range map[string]string{
		"install.yaml": string(text), "kustomization.yaml": "resources: [install.yaml]\n" + strings.Replace(pin, "sha256:...", digest, 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin, err := plane.Tool(t.Context(), "kustomize")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), bin, "build", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	pod := at(find(t, decode(t, out), "Deployment", "forewarm"), "spec", "template", "spec")
	for _, container := range at(pod, "containers").([]any) {
		want(t, container, "registry.example/forewarm@"+digest, "image")
	}
}
