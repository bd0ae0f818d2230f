package world

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/policy"
)

// TestTheRealEngineFollowsTheLoad closes the loop on a day with learned capacity.
func TestTheRealEngineFollowsTheLoad(t *testing.T) {
	once := func() (sim.Result, string) {
		n, err := sim.WorkloadNamed("day")
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, sim.DefaultFleet(), n.Config(1), DefaultOptions())
		f := NewForewarm(w, engine.DefaultOptions())
		if err := Run(t.Context(), w, f, w.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		snapshot, err := json.Marshal(f.Engine.Board().Load())
		if err != nil {
			t.Fatal(err)
		}
		return w.Fleet().Result(), string(snapshot)
	}
	got, snapshot := once()
	hours := got.GPUSeconds / 3600 / 2
	t.Logf("attainment %.4f with %.0f replica-hours", got.Attainment, hours)
	if got.Attainment < 0.9 || hours > 8*24*0.8 || hours < 24 {
		t.Errorf("want most of it served by fewer replicas than the maximum, got %+v", got)
	}
	again, snapshotAgain := once()
	if !cmp.Equal(got, again) || snapshot != snapshotAgain {
		t.Error("a second run differs")
	}
}

func TestWarmUpsAreToldOnce(t *testing.T) {
	w := newWorld(t, sim.DefaultFleet(), steady(1), DefaultOptions())
	w.fleet.Scale(3)
	var all []time.Duration
	for i := range 40 {
		moment := w.Now().Add(15 * time.Second)
		w.Advance(moment)
		first, second := w.At(moment)[0], w.At(moment)[0]
		if d := cmp.Diff(first, second); d != "" {
			t.Fatalf("tick %d: asking twice differs: %s", i, d)
		}
		all = append(all, first.Supply[0].WarmUps...)
	}
	if len(all) != 2 || all[0] < 60*time.Second || all[0] > 200*time.Second {
		t.Errorf("want the two warm-ups, got %v", all)
	}
}

func TestStarvedPodsAreSeen(t *testing.T) {
	fc := sim.DefaultFleet()
	fc.Quota = &sim.Quota{Limit: 2}
	w := newWorld(t, fc, steady(1), DefaultOptions())
	w.fleet.Scale(2)
	at := w.Now().Add(11 * time.Minute)
	w.Advance(at)
	s := w.At(at)[0].Supply[0]
	if s.Spec != 2 || s.Ready != 1 || s.Starting != 1 || s.Starved != 1 || s.Ages[0] < 10*time.Minute {
		t.Errorf("want one ready and one starved, got %+v", s)
	}
}

// TestFaultsNeverReachThePolicyAsNumbers runs the real engine through gaps, delays, NaN and an outage.
func TestFaultsNeverReachThePolicyAsNumbers(t *testing.T) {
	start := sim.DefaultFleet().Start
	for name, tc := range map[string]struct {
		cfg     sim.FaultConfig
		partial [2]float64 // share of ticks
	}{
		"none":              {sim.FaultConfig{}, [2]float64{0, 0.1}},
		"some scrapes lost": {sim.FaultConfig{Gap: 0.2}, [2]float64{0, 0.2}},
		"most scrapes lost": {sim.FaultConfig{Gap: 0.9}, [2]float64{0.5, 1}},
		"half a minute old": {sim.FaultConfig{Delay: 30 * time.Second}, [2]float64{0, 0.1}},
		"NaN now and then":  {sim.FaultConfig{NaN: 0.1}, [2]float64{0.1, 0.9}},
		"an outage": {
			sim.FaultConfig{Outages: []sim.Span{{From: start.Add(20 * time.Minute), To: start.Add(30 * time.Minute)}}},
			[2]float64{0.1, 0.3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := sim.NewFaults(tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			opt := DefaultOptions()
			opt.Faults = f
			fc := sim.DefaultFleet()
			fc.Replicas = 3
			w := newWorld(t, fc, steady(4), opt)
			forewarm := NewForewarm(w, engine.DefaultOptions())
			partial, ticks := 0, 0
			for range 240 {
				if err := Run(t.Context(), w, forewarm, w.Now().Add(15*time.Second)); err != nil {
					t.Fatal(err)
				}
				view := forewarm.Engine.Board().Load()
				if view == nil {
					continue
				}
				ticks++
				in := view.Models[0].Input
				if in.Signals.Partial || !in.Supply[0].Known {
					partial++
				}
				for _, r := range readings(in.Signals) {
					if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || r.Value < 0 || r.Age < 0 {
						t.Fatalf("a reading of %+v", r)
					}
				}
			}
			if share := float64(partial) / float64(ticks); share < tc.partial[0] || share > tc.partial[1] {
				t.Errorf("want a partial view in %g of ticks, got %g", tc.partial, share)
			}
			if n := w.fleet.Desired(); n < 2 {
				t.Errorf("want no replica given away for lack of data, got %d", n)
			}
		})
	}
}

func readings(s policy.Signals) []policy.Reading {
	out := []policy.Reading{s.Arrivals, s.GatewayQueue, s.TTFTP95, s.ITLP95}
	for _, p := range s.Pods {
		out = append(out, p.Pending, p.Running, p.KV, p.Completions, p.PromptTokens, p.OutputTokens)
	}
	return out
}

func TestHPAReadsThePodsThatAnswer(t *testing.T) {
	fc := sim.DefaultFleet()
	w := newWorld(t, fc, steady(5), DefaultOptions())
	h := NewHPA(Concurrency(), 32, 1, 6)
	if err := Run(t.Context(), w, h, w.Now().Add(30*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n := w.fleet.Desired(); n < 3 || n > 6 {
		t.Errorf("5 requests/s of 640 tokens: want about four replicas, got %d", n)
	}
}

func TestModelMustHaveTheFleetsVariants(t *testing.T) {
	w := newWorld(t, sim.DefaultFleet(), steady(1), DefaultOptions())
	m := w.Model()
	m.Variants = append(m.Variants, m.Variants[0])
	if _, err := New(w.Fleet(), m, DefaultOptions()); err == nil || !strings.Contains(err.Error(), "want 1 variants") {
		t.Errorf("got %v", err)
	}
}
