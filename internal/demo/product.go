package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/policy"
)

// product is Forewarm itself, reading over HTTP, wired as the command wires it.
// Only the query rate differs, because virtual time passes much faster than the
// time it is meant for.
type product struct {
	*app.App
	engine *engine.Engine
}

// unlimited lifts the query rate that protects a shared Prometheus.
const unlimited = 1_000_000

func openProduct(
	ctx context.Context, s scene, url string, clock func() time.Time, progress func(done, total time.Duration),
) (*product, error) {
	cfg, err := config.Parse([]byte(s.configuration(url)), app.Catalog())
	if err != nil {
		return nil, fmt.Errorf("configure Forewarm: %w", err)
	}
	a, err := app.Open(ctx, app.Options{Config: cfg, Now: clock, QueryRate: unlimited, Progress: progress}, clock())
	if err != nil {
		return nil, fmt.Errorf("start Forewarm: %w", err)
	}
	return &product{App: a, engine: a.Engine()}, nil
}

// replay reads the history up to a moment.
func (p *product) replay(ctx context.Context, to time.Time) error {
	if err := p.Replay(ctx, to); err != nil {
		return fmt.Errorf("replay the history: %w", err)
	}
	return nil
}

// newest is the model's part of the newest snapshot, with its one decision.
func (p *product) newest() (policy.ModelView, policy.Decision) {
	s := p.engine.Board().Load()
	return s.Models[0], s.Plan.Decisions[0]
}

// wanted is the count that an HPA on the metric "desired replicas" with the
// target 1 comes to: the decision's own. On an answer that is unknown or too old
// it holds what is there.
func (p *product) wanted(now time.Time, there int) int {
	_, d := p.newest()
	if d.Expired(now, p.engine.HoldFor()) {
		return there
	}
	return d.Replicas
}

// knows says what Forewarm plans with, and from where it has it.
func (p *product) knows() []string {
	v, d := p.newest()
	var out []string
	for _, s := range d.Steps {
		if s.Rule == policy.RuleCapacity {
			out = append(out, policy.Sentence(s))
		}
	}
	warm := policy.WarmUp(v.Model, v.Learned, v.Input, 0).Round(time.Second)
	seen := 0
	if len(v.Learned.Variants) > 0 {
		seen = len(v.Learned.Variants[0].WarmUps)
	}
	source := fmt.Sprintf("as measured on this fleet, %d times", seen)
	if seen < enoughWarmUps {
		source = "a prior, hardly measured yet"
	}
	return append(out, fmt.Sprintf("A replica is planned to take %s to warm up (%s).", period(warm), source))
}

// enoughWarmUps is how many of them displace the prior. See policy.WarmUp.
const enoughWarmUps = 3
