package backtest

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/sim/rival"
	"github.com/forewarm/forewarm/policy"
)

// pair is chat with a spot variant at a quarter of the price, and a third variant that nobody knows anything of.
func pair() policy.Model {
	m := chat()
	spot, strange := m.Variants[0], m.Variants[0]
	spot.Name, spot.CapacityType, spot.PricePerGPU, spot.Min = "spot", policy.Spot, 0.5, 0
	spot.Spot = policy.SpotTerms{Availability: 1, HazardPerHour: 0.001, Notice: 2 * time.Minute}
	strange.Name, strange.Capacity, strange.CapacityFixed, strange.Min = "strange", policy.Capacity{}, false, 0
	m.Variants = append(m.Variants, spot, strange)
	return m
}

// pairHistory is twelve hours of so many requests/s on three replicas of main and one of spot.
func pairHistory(t *testing.T, rate float64) *History {
	t.Helper()
	r := newRecorder(pair(), monday, time.Minute)
	src := past{of: func(at time.Time) policy.Input {
		in := seen(at, rate, 3, 0)
		in.Supply = append(in.Supply,
			policy.Supply{Variant: "spot", Known: true, Spec: 1, Ready: 1}, policy.Supply{Variant: "strange", Known: true})
		return in
	}}
	out := Report{ReadFrom: monday, To: monday.Add(12 * time.Hour)}
	if err := fold(t.Context(), src, []*recorder{r}, time.Hour, Settings{Step: time.Minute}, &out); err != nil {
		t.Fatal(err)
	}
	return r.finish(time.Minute)
}

func rowsOf(m ModelReport) map[string]Figures {
	out := map[string]Figures{}
	for _, p := range m.Policies {
		out[p.Name] = p.Figures
	}
	return out
}

// TestEveryVariantTakesPart: six requests/s on replicas that carry two; the fleet had three of main and one of spot.
// HPAs of one request/s per replica make that five and two: load goes by replicas, so each sees a half too much.
func TestEveryVariantTakesPart(t *testing.T) {
	s := DefaultSettings()
	for _, name := range []string{"main", "spot"} {
		s.Theirs = append(s.Theirs, Autoscaler{
			Kind: "HorizontalPodAutoscaler", Namespace: "llm", Name: "of-" + name, Target: "chat-" + name,
			Setup: rival.Setup{
				Metrics: []rival.Target{{Of: rival.Arrivals, Value: 1}}, Min: 1, Max: 9,
			},
		})
	}
	entry := config.Entry{
		Model: pair(), Targets: []config.Target{{Name: "chat-main"}, {Name: "chat-spot"}, {Name: "chat-strange"}},
	}
	s.BurnIn = 2 * time.Hour
	m, err := evaluate(t.Context(), pairHistory(t, 6), s, entry)
	if err != nil {
		t.Fatal(err)
	}
	rows, hours := rowsOf(m), m.Scored/3600
	for name, want := range map[string]float64{"fleet": 3*8 + 1*2, "yours": 5*8 + 2*2, "optimum": 3 * 8} {
		f := rows[name]
		if f.USD == nil || math.Abs(*f.USD/hours-want) > 0.02*want {
			t.Errorf("%s: want $ %g an hour, got %v over %g h", name, want, f.USD, hours)
			continue
		}
		if cost := want / (3 * 8); math.Abs(*f.Cost-cost) > 0.02*cost {
			t.Errorf("%s: want the cost in money over the optimum's, %g, got %g", name, cost, *f.Cost)
		}
	}
	if f := rows["forewarm"]; *f.USD >= *rows["fleet"].USD || *f.Misses > 0 {
		t.Errorf("want Forewarm on the cheaper variant without a miss, got $ %g of the fleet's %g, misses %g",
			*f.USD, *rows["fleet"].USD, *f.Misses)
	}
	notes := strings.Join(m.Notes, "\n")
	for _, want := range []string{"scale main, spot.", "not configured: strange."} {
		if !strings.Contains(notes, want) {
			t.Errorf("want to be told %q, got %s", want, notes)
		}
	}
}
