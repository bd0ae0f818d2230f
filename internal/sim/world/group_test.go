package world

import (
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/policy"
)

// TestModelsShareGPUs runs two busy models on GPUs that are not enough for both.
func TestModelsShareGPUs(t *testing.T) {
	quota := &sim.Quota{Limit: 10}
	one := func(name string, seed uint64, rate float64) *World {
		fc := sim.DefaultFleet()
		fc.Deployment, fc.Model, fc.Seed, fc.Quota = name, name, seed, quota
		wc := steady(rate)
		wc.Seed = seed
		return newWorld(t, fc, wc, DefaultOptions())
	}
	big, small := one("big", 1, 12), one("small", 2, 3)
	g, err := NewGroup(small, big)
	if err != nil {
		t.Fatal(err)
	}
	opts := engine.DefaultOptions()
	opts.Budgets = []policy.Budget{{Name: "gpus", Resource: "nvidia.com/gpu", Limit: quota.Limit}}
	e, err := g.Run(t.Context(), opts, big.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(e.Board().Load().Plan.Decisions); n != 2 {
		t.Fatalf("want a decision per model, got %d", n)
	}
	asked := 2 * (big.Fleet().Desired() + small.Fleet().Desired())
	if quota.Used() > quota.Limit || asked > quota.Limit || big.Fleet().Desired() < 3 || small.Fleet().Desired() < 1 {
		t.Errorf("want the budget kept and both served, got %d GPUs asked, %d used", asked, quota.Used())
	}
	if !big.Now().Equal(small.Now()) {
		t.Errorf("want both at the same moment, got %s and %s", big.Now(), small.Now())
	}
	if _, err := NewGroup(big, big); err == nil {
		t.Error("want an error for the same model twice")
	}
}
