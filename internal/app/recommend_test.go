package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/config"
)

func TestRecommendFromMetricsAlone(t *testing.T) {
	src := world(t, time.Hour,
		service{namespace: "llm", name: "calm", pods: 2, rate: 2},
		service{namespace: "llm", name: "busy", pods: 1, rate: 4, waiting: 400},
		service{namespace: "other", name: "silent", pods: 2, rate: 2, until: noon.Add(-4 * time.Minute)},
	)
	span := time.Hour
	r, err := Recommend(t.Context(), Options{Prometheus: src, History: &span, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	calm, busy, silent := find(t, r, "calm"), find(t, r, "busy"), find(t, r, "silent")
	if v := calm.Variants[0]; v.State != StateOK || *v.Now != 2 || *v.Recommended < 1 || calm.Forecast == nil {
		t.Errorf("calm: got %+v", v)
	}
	if w := calm.Work; w.Requests == nil || *w.Requests < 3.8 || *w.Requests > 4.2 || *w.OutputTokens < 1100 {
		t.Errorf("calm: want about 4 req/s and 1200 tok/s, got %+v", w)
	}
	if v := busy.Variants[0]; *v.Recommended <= *v.Now || *busy.Pending != 400 {
		t.Errorf("busy: want more than %d, got %d (%s)", *v.Now, *v.Recommended, v.Why)
	}
	if v := silent.Variants[0]; v.State == StateOK || silent.Pending != nil || (v.Recommended != nil && *v.Recommended < 2) {
		t.Errorf("silent: want it shown, not lowered, not ok; got %+v", v)
	}
	if len(r.Assumptions) < 2 || !strings.Contains(strings.Join(r.Assumptions, " "), "kube-state-metrics") {
		t.Errorf("want assumptions said, got %q", r.Assumptions)
	}
}

func TestTheFilterHidesAndDoesNotForget(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2},
		service{namespace: "other", name: "else", pods: 1, rate: 1})
	for name, opts := range map[string]Options{
		"by namespace": {Namespaces: []string{"llm"}},
		"by name":      {Models: []string{"org-calm"}},
		"by both":      {Models: []string{"llm/org-calm"}},
		"by model id":  {Models: []string{"org/calm"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts.Prometheus, opts.Now = src, past
			r, err := Recommend(t.Context(), opts, noon)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Models) != 1 || r.Models[0].ModelName != "org/calm" {
				t.Errorf("want calm alone, got %d models", len(r.Models))
			}
		})
	}
}

func TestOneSourceDownLeavesTheOther(t *testing.T) {
	good := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2})
	bad := source(t, page(t).URL)
	good.Name, bad.Name = "east", "west"
	cfg := config.Default()
	cfg.Sources = []config.Source{*bad, *good}
	if err := cfg.Complete(Catalog()); err != nil {
		t.Fatal(err)
	}
	r, err := Recommend(t.Context(), Options{Config: cfg, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if v := find(t, r, "calm").Variants[0]; v.State != StateOK {
		t.Errorf("want an answer, got %+v", v)
	}
	if len(r.Faults) == 0 || r.Faults[0].Object != "west" {
		t.Errorf("want a fault that names west, got %+v", r.Faults)
	}
}

func TestNothingThereIsNoModel(t *testing.T) {
	src := world(t, time.Minute)
	if _, err := Recommend(t.Context(), Options{Prometheus: src, Now: past}, noon); !errors.Is(err, ErrNoModel) {
		t.Errorf("want ErrNoModel, got %v", err)
	}
	if _, err := Recommend(t.Context(), Options{}, noon); !errors.Is(err, ErrNoSource) {
		t.Errorf("want ErrNoSource, got %v", err)
	}
	html := source(t, page(t).URL)
	if _, err := Recommend(t.Context(), Options{Prometheus: html}, noon); err == nil || errors.Is(err, ErrNoModel) {
		t.Errorf("a page is no proof that there is no model, got %v", err)
	}
}

func TestRefreshKeepsWhatWasFoundAsItWasFound(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2})
	a, err := Open(t.Context(), Options{Prometheus: src, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	before := a.Registry().Entries[0].Model.Variants[0].Max
	if err := a.Refresh(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if after := a.Registry().Entries[0].Model.Variants[0].Max; after != before || len(a.Registry().Entries) != 1 {
		t.Errorf("want the maximum of %d kept, got %d", before, after)
	}
	if err := a.Refresh(t.Context(), noon.Add(time.Hour)); err != nil {
		t.Fatalf("a model that is gone is still watched: %v", err)
	}
	if len(a.Registry().Entries) != 1 {
		t.Error("a silent model was dropped")
	}
}

func TestRefreshKeepsTheNewestFile(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2})
	a, err := Open(t.Context(), Options{Prometheus: src, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	newer := *config.Default()
	newer.HoldFor = new(config.Duration(42 * time.Minute))
	if err := a.Reload(t.Context(), &newer, noon); err != nil {
		t.Fatal(err)
	}
	if err := a.Refresh(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if got := a.Registry().HoldFor; got != 42*time.Minute {
		t.Errorf("want the reloaded holdFor of 42m kept, got %s", got)
	}
}

func find(t *testing.T, r Report, name string) ModelReport {
	t.Helper()
	for _, m := range r.Models {
		if m.ModelName == "org/"+name {
			return m
		}
	}
	t.Fatalf("no model %s among %d", name, len(r.Models))
	return ModelReport{}
}
