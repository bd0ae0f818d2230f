package integration

import (
	"fmt"
	"testing"
	"time"
)

// With a past behind it the product may lower, so that here it shows what keeps
// it from doing so.
func TestWithPast(t *testing.T) {
	t.Parallel()
	idle := load{running: 1, kv: 0.05, requests: 0.5, prompt: 100, output: 50, ttft: 0.1}
	f := newFleet(t)
	f.add("oversized", 4, 4, idle)
	f.forget(f.add("oversized-half", 4, 4, idle))
	f.newborn = []string{f.add("oversized-new", 4, 4, idle).name}
	f.add("asleep", 1, 1, load{prompt: 1, output: 1})
	f.add("blind", 1, 1, load{prompt: 1, output: 1})
	g := startGateway(t)
	g.send("org/asleep", 0, 0)
	f.targets = append(f.targets, g.target())
	prom := f.scrapeSince(40 * time.Minute)

	t.Run("a fleet larger than its load is released", func(t *testing.T) {
		t.Parallel()
		out, r := recommend(t, "--prometheus", prom.url, "-n", "oversized")
		r.want(t, exitOK)
		if v := out.model(t, "oversized").only(t); v.Recommended == nil || *v.Recommended >= 4 || *v.Recommended < 1 {
			t.Errorf("want fewer than the 4 that are there, got %s: %s", v, v.Why)
		}
	})
	t.Run("the same fleet with a pod missing is not", func(t *testing.T) {
		t.Parallel()
		out, r := recommend(t, "--prometheus", prom.url, "-n", "oversized-half")
		r.want(t, exitOK)
		if v := out.model(t, "oversized-half").only(t); v.String() != "4 now, 4 recommended, hold" {
			t.Errorf("want 4 now, 4 recommended, hold; got %s: %s", v, v.Why)
		}
	})
	t.Run("the same fleet is not while it was watched for seconds only", func(t *testing.T) {
		t.Parallel()
		out, r := recommend(t, "--prometheus", prom.url) // with others, whose history is longer
		r.want(t, exitOK)
		if v := out.model(t, "oversized-new").only(t); text(v.Recommended) != "4" {
			t.Errorf("want 4 now, 4 recommended; got %s: %s", v, v.Why)
		}
	})
	file := func(t *testing.T, model, gateway string) string {
		t.Helper()
		return configFile(t, fmt.Sprintf(`sources: [{name: default, url: %q}]
models:
- name: %[2]s
  namespace: %[2]s
  engine: vllm
  modelName: org/%[2]s
  gateway: {preset: %[3]s}
  slo: {ttftP95: 2s}
  idle: {toZero: true, after: 10m}
  variants: [{name: %[2]s, target: {name: %[2]s}, replicas: {min: 0, max: 8}, gpus: {perReplica: 1}}]
`, prom.url, model, gateway))
	}
	t.Run("an idle model with a gateway that proves it goes to zero", func(t *testing.T) {
		t.Parallel()
		out, _ := recommend(t, "--config", file(t, "asleep", "llm-d-epp"))
		if v := out.model(t, "asleep").only(t); v.String() != "1 now, 0 recommended, ok" {
			t.Errorf("want 1 now, 0 recommended, ok; got %s: %s", v, v.Why)
		}
	})
	t.Run("an idle model whose gateway shows nothing keeps its replica", func(t *testing.T) {
		t.Parallel()
		out, _ := recommend(t, "--config", file(t, "blind", "production-stack"))
		if v := out.model(t, "blind").only(t); text(v.Recommended) != "1" {
			t.Errorf("zero is not proven: want 1, got %s: %s", v, v.Why)
		}
	})
}
