package app

import (
	"context"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/config"
)

// turning is a clock whose time passes only in Sleep; it ends the context after
// some turns.
type turning struct {
	now   time.Time
	turns int
	stop  context.CancelFunc
}

func (c *turning) Now() time.Time { return c.now }

func (c *turning) Sleep(ctx context.Context, d time.Duration) error {
	if c.turns--; c.turns < 0 {
		c.stop()
	}
	c.now = c.now.Add(d)
	return ctx.Err()
}

func TestRunShowsEachTickAndTakesANewFile(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2})
	start := noon.Add(-5 * time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	clock := &turning{now: start, turns: 12, stop: cancel}
	a, err := Open(ctx, Options{Prometheus: src, Now: clock.Now, QueryRate: 1000}, start)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Recommend(ctx, start); err != nil {
		t.Fatal(err)
	}
	next, err := config.Parse([]byte(`
apiVersion: forewarm.dev/v1alpha1
kind: Config
models:
- {name: mine, namespace: llm, engine: vllm, modelName: org/calm, slo: {ttftP95: 1s},
   variants: [{name: calm, target: {name: calm}, replicas: {min: 5, max: 9}}]}
`), Catalog())
	if err != nil {
		t.Fatal(err)
	}
	turn := 0
	reload := func(time.Time) (*config.Config, bool) { turn++; return next, turn == 6 }
	var names []string
	var at []time.Time
	err = a.Run(ctx, clock, reload, func(r Report) {
		names = append(names, r.Models[0].Name)
		at = append(at, r.At)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 11 || names[0] != "org-calm" || names[len(names)-1] != "mine" {
		t.Errorf("want the found model first and the file's at the end, got %v", names)
	}
	for i := 1; i < len(at); i++ {
		if at[i].Sub(at[i-1]) != 15*time.Second {
			t.Errorf("want a report every 15 s, got %s after %s", at[i], at[i-1])
		}
	}
	last := a.Report().Models[0].Variants[0]
	if *last.Recommended != 5 {
		t.Errorf("want the new file's minimum of 5, got %d (%s)", *last.Recommended, last.Why)
	}
}

func TestABadReloadLeavesEverythingAsItWas(t *testing.T) {
	src := world(t, 5*time.Minute, service{namespace: "llm", name: "calm", pods: 1, rate: 1})
	a, err := Open(t.Context(), Options{Prometheus: src, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	bad := config.Default()
	bad.Models = []config.Model{{Name: "x", Namespace: "y", Engine: "no-such-engine"}}
	before := len(a.Registry().Entries)
	if err := a.Reload(t.Context(), bad, noon); err == nil {
		t.Error("want an error")
	}
	if len(a.Registry().Entries) != before || a.Registry().Entries[0].Engine != "vllm" {
		t.Errorf("want the old registry, got %+v", a.Registry().Entries)
	}
}
