package config

import (
	"encoding/json"
	"errors"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
)

// discovered is a model as internal/app finds it, with what it must assume.
func discovered(namespace, modelName string) Model {
	name := strings.ToLower(path.Base(modelName))
	return Model{
		Name: name, Namespace: namespace, Engine: "vllm", ModelName: modelName,
		SLO: SLO{TTFTP95: new(Duration(DefaultTTFTP95))},
		Variants: []Variant{{
			Name:     "found",
			Target:   Target{Name: name},
			Replicas: Replicas{Min: new(0), Max: new(8)},
		}},
		Origin:  FromDiscovery,
		Assumed: []string{"slo.ttftP95 2s"},
	}
}

func ids(r *Registry) []string {
	var out []string
	for _, e := range r.Entries {
		out = append(out, e.Model.ID.String())
	}
	return out
}

func TestARegistryIsSortedAndComplete(t *testing.T) {
	r := NewRegistry(good(t, "several-sources"))
	want := []Entry{
		{
			Model: policy.Model{
				ID:     policy.ModelID{Namespace: "llm", Name: "a"},
				Engine: "vllm",
				SLO:    policy.SLO{TTFTP95: 2 * time.Second, Attainment: 0.99},
				Idle:   policy.Idle{OnBlind: policy.BlindHold, RestartCost: DefaultRestartCost},
				Variants: []policy.Variant{
					{Name: "v", Target: deployment("a"), Min: 1, Max: 4, GPUs: 1, CapacityType: policy.OnDemand, WarmUp: DefaultWarmUp},
				},
			},
			Source: "default", Engine: "vllm", ModelName: "org/a",
			Labels:  Labels{Namespace: "exported_namespace", Pod: "exported_pod"},
			Targets: []Target{{APIVersion: "apps/v1", Kind: "Deployment", Name: "a"}},
		},
		{
			Model: policy.Model{
				ID:     policy.ModelID{Namespace: "llm", Name: "b"},
				Engine: "vllm",
				SLO:    policy.SLO{TTFTP95: 2 * time.Second, Attainment: 0.99},
				Idle:   policy.Idle{OnBlind: policy.BlindHold, RestartCost: DefaultRestartCost},
				Variants: []policy.Variant{
					{Name: "v", Target: deployment("b"), Min: 1, Max: 4, GPUs: 1, CapacityType: policy.OnDemand, WarmUp: DefaultWarmUp},
				},
			},
			Source: "edge", Engine: "vllm", ModelName: "org/b",
			Labels:   Labels{Namespace: "namespace", Pod: "pod_name", Model: "served_model"},
			Matchers: map[string]string{"job": "edge-vllm"},
			Targets:  []Target{{APIVersion: "apps/v1", Kind: "Deployment", Name: "b"}},
		},
	}
	if diff := cmp.Diff(want, r.Entries); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if r.Interval != DefaultInterval || r.History != DefaultHistory ||
		r.MaxAge != DefaultMaxAge || r.HoldFor != DefaultHoldFor {
		t.Errorf("defaults are missing: %+v", r)
	}
	if _, ok := r.Find(policy.ModelID{Namespace: "llm", Name: "b"}); !ok {
		t.Error("llm/b is not found")
	}
	if _, ok := r.Find(policy.ModelID{Namespace: "llm", Name: "c"}); ok {
		t.Error("llm/c is found")
	}
}

func TestWhatIsConfiguredReachesThePolicy(t *testing.T) {
	e := NewRegistry(good(t, "scale-to-zero")).Entries[0]
	want := policy.Variant{
		Name:   "lws",
		Target: policy.Target{APIVersion: "leaderworkerset.x-k8s.io/v1", Kind: "LeaderWorkerSet", Name: "nightly"},
		Min:    0, Max: 2, GPUs: 16, Product: "NVIDIA-H100-80GB-HBM3", CapacityType: policy.Reserved,
		WarmUp:        390 * time.Second,
		Capacity:      policy.Capacity{Requests: 2.1, PromptTokens: 9000, OutputTokens: 1300, Concurrency: 128},
		CapacityFixed: true,
	}
	if diff := cmp.Diff(want, e.Model.Variants[0]); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	wantIdle := policy.Idle{ToZero: true, After: 20 * time.Minute, OnBlind: policy.BlindOne, RestartCost: DefaultRestartCost}
	if e.Model.Idle != wantIdle || !e.Model.Gateway || e.Model.Priority != -10 {
		t.Errorf("got %+v", e.Model)
	}
	if diff := cmp.Diff([]Target{{"leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "nightly"}}, e.Targets); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestModelsFromElsewhere(t *testing.T) {
	broken := discovered("llm", "org/broken")
	broken.SLO.TTFTP95 = nil
	unknownEngine := discovered("llm", "org/odd")
	unknownEngine.Engine = "vlm"
	for name, tc := range map[string]struct {
		base    string // a good file; empty = no file
		more    []Model
		want    []string
		refused []string
	}{
		"nothing at all": {},
		"discovered without a file": {
			more: []Model{discovered("b", "org/x"), discovered("a", "org/X")},
			want: []string{"a/x", "b/x"},
		},
		"beside the file": {
			base: "minimal", more: []Model{discovered("chat", "org/x")},
			want: []string{"chat/x", "llm/m"},
		},
		"the file's model wins": {
			base: "several-sources", more: []Model{discovered("llm", "org/a")},
			want: []string{"llm/a", "llm/b"},
		},
		"the file takes a namespace": {
			base: "minimal", more: []Model{discovered("llm", "org/x")},
			want: []string{"llm/m"},
		},
		"two with one slug": {
			more: []Model{discovered("llm", "org/x"), discovered("llm", "other/x")},
			want: []string{"llm/x"},
			refused: []string{
				"discovered model llm/x: name: want a name that is unique",
				"discovered model llm/x: variants[0].target.name",
			},
		},
		"a broken one leaves the others": {
			base: "design", more: []Model{broken, discovered("llm", "org/fine"), unknownEngine},
			want: []string{"llm/fine", "llm/llama-3-70b"},
			refused: []string{
				"discovered model llm/broken: slo.ttftP95: want a duration > 0, got nothing",
				"discovered model llm/odd: engine: want an engine of",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var base *Config
			if tc.base != "" {
				base = good(t, tc.base)
			}
			r, err := FromModels(base, tc.more, testCatalog())
			if diff := cmp.Diff(tc.want, ids(r)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			var problems Errors
			if errors.As(err, &problems); len(problems) != len(tc.refused) {
				t.Fatalf("want %d refused, got %v", len(tc.refused), err)
			}
			for i, w := range tc.refused {
				if !strings.HasPrefix(problems[i].Error(), w) {
					t.Errorf("want %q, got %q", w, problems[i])
				}
			}
		})
	}
}

func TestWhatWasAssumedStaysKnown(t *testing.T) {
	more := []Model{discovered("llm", "org/x")}
	r, err := FromModels(nil, more, testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	e := r.Entries[0]
	if e.Origin != FromDiscovery || len(e.Assumed) != 1 {
		t.Errorf("got %q %v", e.Origin, e.Assumed)
	}
	if more[0].Variants[0].WarmUp != nil || more[0].Source != "" {
		t.Error("the caller's models were changed")
	}
}

func TestABrokenBaseGivesNoRegistry(t *testing.T) {
	base := Default()
	base.Interval = new(Duration(-1))
	if r, err := FromModels(base, nil, testCatalog()); r != nil || err == nil {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestASourceFromTheCommandLine(t *testing.T) {
	s, err := NewSource("cli", "https://reader:hush@prom.example.com/base")
	if err != nil {
		t.Fatal(err)
	}
	auth := s.HTTP.Client.BasicAuth
	if s.URL != "https://prom.example.com/base" || auth == nil || auth.Username != "reader" || auth.Password != "hush" {
		t.Errorf("got %s %+v", s.URL, auth)
	}
	cfg := good(t, "several-sources")
	cfg.Sources = []Source{s}
	for i := range cfg.Models {
		cfg.Models[i].Source = s.Name
	}
	if err := cfg.Complete(testCatalog()); err != nil {
		t.Fatal(err)
	}
	for _, e := range NewRegistry(cfg).Entries {
		if e.Source != "cli" {
			t.Errorf("%s reads from %s", e.Model.ID, e.Source)
		}
	}
	_, err = NewSource("cli", "prom.example.com:9090?token=hush")
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}

func TestRedactedShowsNoSecret(t *testing.T) {
	b, err := good(t, "authenticated-sources").Redacted()
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if strings.Contains(text, "hush") {
		t.Errorf("a secret shows in\n%s", text)
	}
	for _, shown := range []string{
		"X-Team", "inference", "username: reader", "extra_label: <secret>", "secret_key: <secret>", "team-a",
	} {
		if !strings.Contains(text, shown) {
			t.Errorf("want %q in\n%s", shown, text)
		}
	}
}

func TestRedactedIsTheSameConfiguration(t *testing.T) {
	for name, b := range testdata(t, "good") {
		if strings.Contains(string(b), "hush") {
			continue // secrets do not come back
		}
		t.Run(name, func(t *testing.T) {
			first, err := Parse(b, testCatalog())
			if err != nil {
				t.Fatal(err)
			}
			shown, err := first.Redacted()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse(shown, testCatalog())
			if err != nil {
				t.Fatalf("%v in\n%s", err, shown)
			}
			if diff := cmp.Diff(NewRegistry(first).Entries, NewRegistry(again).Entries); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]string{
		"15s": "15s", "90s": "1m30s", "60m": "1h", "24h": "24h", "7d": "168h", "1h0m1s": "1h0m1s", "100ms": "100ms",
		"0s": "0s", "10m": "10m", "1.5h": "1h30m", "-2s": "-2s", "": "", "x": "", "5": "", "1e9s": "", "NaNs": "",
	} {
		d, err := ParseDuration(in)
		if (err != nil) != (want == "") || err == nil && d.String() != want {
			t.Errorf("%q: want %q, got %v, %v", in, want, d, err)
		}
		if err != nil {
			continue
		}
		var again Duration
		if b, err := json.Marshal(d); err != nil || json.Unmarshal(b, &again) != nil || again != d {
			t.Errorf("%q does not come back: %v", in, again)
		}
	}
}

func TestNearNames(t *testing.T) {
	known := []string{"modelName", "ttftP95", "namespace", "perReplica"}
	for in, want := range map[string]string{
		"modelname": "modelName", "modleName": "modelName", "ttft": "ttftP95", "namespaces": "namespace",
		"replicas": "", "x": "", strings.Repeat("a", 100): "", "per_replica": "perReplica",
	} {
		if got := nearest(in, known); got != want {
			t.Errorf("%s: want %q, got %q", in, want, got)
		}
	}
}

func deployment(name string) policy.Target {
	return policy.Target{APIVersion: "apps/v1", Kind: "Deployment", Name: name}
}
