package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// foundModel is a discovered model with one target.
func foundModel(name string, v signals.FoundVariant) signals.Found {
	return signals.Found{
		ID: policy.ModelID{Namespace: "llm", Name: name}, Engine: "vllm", ModelName: "org/" + name,
		Labels: signals.DefaultLabels(), Variants: []signals.FoundVariant{v},
	}
}

func has(faults []Fault, code string) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool { return f.Code == code })
}

func TestAnyKindOfOwnerKeepsItsRow(t *testing.T) {
	for name, tc := range map[string]struct{ owner, says string }{
		"a DaemonSet":                      {"DaemonSet", "DaemonSet"},
		"a Job":                            {"Job", "Job"},
		"a kind nobody heard of":           {"PodClique", "PodClique"},
		"none, so says kube-state-metrics": {"<none>", "Pod"},
		"an empty kind":                    {"", "Pod"},
		"no kube-state-metrics":            {"?", "Pod"},
	} {
		t.Run(name, func(t *testing.T) {
			s := service{namespace: "llm", name: "odd", pods: 2, rate: 2, plain: true, owner: tc.owner, ksm: tc.owner != "?"}
			r, err := Recommend(t.Context(), Options{Prometheus: world(t, 20*time.Minute, s), Now: past}, noon)
			if err != nil {
				t.Fatal(err)
			}
			m := find(t, r, "odd")
			for _, v := range m.Variants {
				if v.State == StateRefused || v.Recommended == nil || v.Target.APIVersion == "" {
					t.Errorf("want a row with an answer, got %+v", v)
				}
			}
			said := strings.Join(m.Assumptions, "\n")
			if !strings.Contains(said, "is owned by a "+tc.says+", which Forewarm cannot scale") {
				t.Errorf("want the owner named in:\n%s", said)
			}
		})
	}
}

func TestAPodWithoutAModelNameEvictsNobody(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2},
		service{namespace: "llm", name: "mute", pods: 1, rate: 1, nameless: true})
	r, err := Recommend(t.Context(), Options{Prometheus: src, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if v := find(t, r, "calm").Variants[0]; v.State != StateOK || len(r.Models) != 1 {
		t.Errorf("want calm alone and well, got %d models and %+v", len(r.Models), v)
	}
	text := fmt.Sprint(r.Faults)
	if !has(r.Faults, signals.FaultModelNameless) || !strings.Contains(text, "mute-5d4f8b6c7-x0q2z") || strings.Contains(text, "models[") {
		t.Errorf("want a fault that names the pod and no index, got %s", text)
	}
}

func TestAModelThatComesBackGetsItsTarget(t *testing.T) {
	src := world(t, 40*time.Minute, service{
		namespace: "llm", name: "calm", pods: 2, rate: 2, until: noon.Add(-20 * time.Minute), back: noon.Add(-5 * time.Minute),
	})
	a, err := Open(t.Context(), Options{Prometheus: src, Now: past}, noon.Add(-15*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	e := a.Registry().Entries[0]
	said := strings.Join(e.Assumed, " ")
	if e.Targets[0].Name != "org-calm" || !strings.Contains(said, "last heard were calm-5d4f8b6c7-x0q2z") {
		t.Fatalf("want a placeholder that names the pods, got %+v: %s", e.Targets, said)
	}
	if err := a.Refresh(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	e = a.Registry().Entries[0]
	if len(e.Targets) != 1 || e.Targets[0].Name != "calm" || strings.Contains(strings.Join(e.Assumed, " "), "placeholder") {
		t.Errorf("want Deployment calm in place of the placeholder, got %+v: %s", e.Targets, e.Assumed)
	}
	r, err := a.Recommend(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if v := find(t, r, "calm").Variants[0]; v.Now == nil || *v.Now != 2 {
		t.Errorf("want the two pods counted, got %+v", v)
	}
}

func TestANewVariantOfAKnownModelComesLast(t *testing.T) {
	a := &App{models: map[policy.ModelID]found{}}
	z := signals.FoundVariant{Name: "z", Kind: "Deployment", Target: "z", Replicas: 1, Pods: []string{"z-1"}}
	b := signals.FoundVariant{Name: "b", Kind: "Deployment", Target: "b", Replicas: 1, Pods: []string{"b-1"}}
	renamed := signals.FoundVariant{Name: "zz", Kind: "Deployment", Target: "zz", Replicas: 1, Pods: []string{"z-1"}}
	f := foundModel("m", z)
	a.remember(t.Context(), f, "default")
	f.Variants = []signals.FoundVariant{b, z, renamed}
	a.remember(t.Context(), f, "default")
	var names []string
	for _, v := range a.models[f.ID].model.Variants {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"z", "b"}) || len(a.models[f.ID].Variants) != 2 {
		t.Errorf("want z, b: the new one last and no pod twice, got %v", names)
	}
}

func TestANamelessModelFoundFirstGivesWayToNamedOnes(t *testing.T) {
	v := signals.FoundVariant{Name: "v", Kind: "Deployment", Target: "v", Replicas: 1, Pods: []string{"v-1"}}
	nameless, named, alone := foundModel("v", v), foundModel("m", v), foundModel("tiny", v)
	nameless.ModelName, nameless.Matchers = "", map[string]string{"job": "v"}
	alone.ModelName, alone.Engine = "", "llama-cpp"
	a := &App{models: map[policy.ModelID]found{}}
	for _, f := range []signals.Found{nameless, named, alone} {
		a.remember(t.Context(), f, "default")
	}
	a.forgetNameless()
	if _, ok := a.models[nameless.ID]; ok || len(a.models) != 2 {
		t.Errorf("want the nameless one gone and the others kept, got %d", len(a.models))
	}
}

func TestAnAPIThatDoesNotAnswerReleasesNothing(t *testing.T) {
	src := world(t, time.Hour, service{namespace: "llm", name: "calm", pods: 2, rate: 0.1})
	span := time.Hour
	c := &fakeCluster{supply: []policy.Supply{{Variant: "calm"}}, err: errors.New("dial tcp: refused")}
	r, err := Recommend(t.Context(), Options{Prometheus: src, Cluster: c, History: &span, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	m := find(t, r, "calm")
	if v := m.Variants[0]; *v.Now != 2 || v.Recommended == nil || *v.Recommended < 2 || !m.Partial {
		t.Errorf("want 2 shown and not lowered, got %d -> %d, partial %v", *v.Now, *v.Recommended, m.Partial)
	}
	if !strings.Contains(fmt.Sprint(m.Faults), "the API did not answer; the 2 pods seen are assumed, so nothing is released") {
		t.Errorf("want it said, got %+v", m.Faults)
	}
}

func TestModelsOnOneTargetHoldAndKeepTheirRows(t *testing.T) {
	src := world(t, time.Hour, service{namespace: "llm", name: "calm", pods: 2, rate: 0.1, also: "org/lora"})
	span := time.Hour
	r, err := Recommend(t.Context(), Options{Prometheus: src, History: &span, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	kept, other := find(t, r, "calm"), find(t, r, "lora")
	if v := kept.Variants[0]; !kept.Partial || *v.Recommended < 2 || !has(kept.Faults, faultTargetShared) {
		t.Errorf("want the first held and told, got %d, %+v", *v.Recommended, kept.Faults)
	}
	if v := other.Variants[0]; v.State != StateRefused || v.Recommended != nil || !strings.Contains(v.Why, "Deployment calm serves org-calm, too") {
		t.Errorf("want a refused row that says why, got %+v", v)
	}
	if !has(other.Faults, faultModelRefused) || r.FaultCount() < 2 {
		t.Errorf("want it among the faults, got %+v", other.Faults)
	}
}

func TestARefusedModelIsARowWithItsOwnFault(t *testing.T) {
	models := []config.Model{
		modelOf(foundModel("good", signals.FoundVariant{Name: "good", Kind: "Deployment", Target: "good", Replicas: 1}), "default"),
		modelOf(foundModel("bad", signals.FoundVariant{Name: "bad", Kind: "Deployment", Target: "no object!", Replicas: 1}), "default"),
		modelOf(foundModel("twin", signals.FoundVariant{Name: "twin", Kind: "Deployment", Target: "twin", Replicas: 1}), "default"),
	}
	models[2].ModelName = "org/good"
	base := config.Default()
	src, err := NewSource("http://p:9090", Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	base.Sources = []config.Source{src}
	reg, err := config.FromModels(base, models, Catalog())
	if reg == nil || len(reg.Entries) != 1 {
		t.Fatalf("want good alone, got %+v, %v", reg, err)
	}
	a := &App{refused: refusals(models, 0, err)}
	r := Report{}
	a.addRefused(&r)
	if len(r.Models) != 2 || r.FaultCount() != 2 || r.Answers() != 0 {
		t.Fatalf("want two rows with a fault each, got %+v", r.Models)
	}
	bad, twin := r.Models[0].Variants[0], r.Models[1].Variants[0]
	if bad.State != StateRefused || !strings.Contains(bad.Why, "no object!") {
		t.Errorf("want the reason as WHY, got %+v", bad)
	}
	if !strings.Contains(twin.Why, "llm/good") || strings.Contains(twin.Why, "models[") {
		t.Errorf("want the other model by name, got %q", twin.Why)
	}
}

func TestAllModelsRefusedIsAReportAndNotAnError(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "LLM", name: "calm", pods: 1, rate: 1})
	r, err := Recommend(t.Context(), Options{Prometheus: src, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if m := find(t, r, "calm"); m.Variants[0].State != StateRefused || r.Answers() != 0 || r.FaultCount() == 0 {
		t.Errorf("want a refused row, got %+v", m.Variants)
	}
}

func TestWhatNobodyMeasuredIsAnAssumptionAndNoFault(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2})
	r, err := Recommend(t.Context(), Options{Prometheus: src, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	m := find(t, r, "calm")
	if r.FaultCount() != 0 {
		t.Errorf("want a healthy fleet without kube-state-metrics to pass --fail-on fault, got %+v and %+v", r.Faults, m.Faults)
	}
	said := strings.Join(m.Assumptions, "\n")
	for _, want := range []string{
		"No kube-state-metrics: the 2 engine pods seen are taken", "Capacity of one replica of calm is assumed: 1280 output tokens/s",
		"Warm-up of calm is assumed: 4m",
	} {
		if strings.Count(said, want) != 1 {
			t.Errorf("want once %q in\n%s", want, said)
		}
	}
}

func TestNothingSeenNamesWhereItWasLookedFor(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 1, rate: 1})
	for name, tc := range map[string]struct {
		opts Options
		at   time.Time
		want string
	}{
		"a namespace that has none": {Options{Namespaces: []string{"nope"}}, noon, "in namespace nope"},
		"a time before all data":    {Options{}, noon.Add(-1000 * time.Hour), "up to 2026-07-21T20:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.opts.Prometheus, tc.opts.Now = src, past
			_, err := Recommend(t.Context(), tc.opts, tc.at)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want %q, got %v", tc.want, err)
			}
		})
	}
}

func TestAHistoryOfYearsReplaysOnlyWhatThereIs(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 1, rate: 1})
	span := 100000 * time.Hour
	a, err := Open(t.Context(), Options{Prometheus: src, History: &span, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Replay(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if n, most := a.engine.Stats().Ticks, uint64(2*time.Hour/a.engine.Interval()); n > most {
		t.Errorf("want at most %d moments replayed for 20 minutes of data, got %d", most, n)
	}
}
