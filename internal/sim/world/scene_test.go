package world

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/rival"
	"github.com/forewarm/forewarm/policy"
)

// wave is two hours of demand that rises and falls, the first half hour a burn-in, on at most eight replicas.
func wave(t *testing.T, change func(*fluid.World)) *fluid.Course {
	t.Helper()
	w := fluid.DefaultWorld()
	w.WarmUp.Median, w.Sight, w.Max, w.BurnIn = 2*time.Minute, fluid.Scraped(), 8, 120
	if change != nil {
		change(&w)
	}
	l := fluid.Load{Name: "wave", Step: fluid.Tick}
	for k := range 480 {
		l.Rate = append(l.Rate, 6-5*math.Cos(2*math.Pi*float64(k)/240))
	}
	c, err := fluid.NewCourse(l, w)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func scene(t *testing.T, c *fluid.Course) *Scene {
	t.Helper()
	s, err := NewScene(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEveryPolicyRunsInBothResolutions: whatever plays the course, the same books are kept, and they add up.
func TestEveryPolicyRunsInBothResolutions(t *testing.T) {
	onlyFluid := map[string]bool{"forewarm-learned-half": true, "forewarm-learned-double": true}
	for _, p := range append(fluid.Products(), rival.Table()...) {
		t.Run(p.Name, func(t *testing.T) {
			c := wave(t, nil)
			for name, world := range map[string]fluid.Resolution{"fluid": c, "request": scene(t, c)} {
				got, err := world.Play(t.Context(), p.On(c)(p.Default))
				if name == "request" && onlyFluid[p.Name] {
					if err == nil || !strings.Contains(err.Error(), "only the fluid world") {
						t.Errorf("want a refusal of a wrong prior, got %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				invariants(t, name, c, got)
				again, err := world.Play(t.Context(), p.On(c)(p.Default))
				if diff := cmp.Diff(got, again); err != nil || diff != "" {
					t.Errorf("%s: a second run differs: %v %s", name, err, diff)
				}
			}
		})
	}
}

// invariants are what holds of every policy on the wave, in either resolution.
func invariants(t *testing.T, name string, c *fluid.Course, r fluid.Result) {
	t.Helper()
	const scored = 360 * 15.0 // seconds
	check := func(ok bool, what string) {
		t.Helper()
		if !ok {
			t.Errorf("%s: want %s, got %+v", name, what, r)
		}
	}
	demand := c.Load().Mean(c.World().BurnIn) * scored
	check(r.Ticks == 360, "every tick after the burn-in booked")
	check(math.Abs(r.Requests-demand) < 0.03*demand, "the course's requests")
	check(r.Late >= 0 && r.Late <= r.Requests && r.Unmet >= 0 && r.Unmet <= r.Requests, "shares of the requests")
	// A draining pod is billed until it has finished, a given back fluid one is not.
	check(r.ReplicaSeconds >= scored-1e-6 && r.ReplicaSeconds <= 8.8*scored, "one to eight replicas billed")
	check(math.Abs(r.Paid-r.ReplicaSeconds/3600) < 1e-6, "replica-hours at their price of 1")
	check(r.PeakWanted >= 1 && r.PeakWanted <= 8, "one to eight replicas wanted")
	check(r.Optimum == c.Optimum() && r.Cost() == r.ReplicaSeconds/r.Optimum, "a cost over the course's optimum")
	check(r.Flaps <= r.Ups+r.Downs && r.ColdStarts >= r.Ups, "changes that add up")
}

// TestBothResolutionsKnowTheSameConditions: each makes itself felt in both, by an HPA without slack.
func TestBothResolutionsKnowTheSameConditions(t *testing.T) {
	play := func(world fluid.Resolution, c *fluid.Course) fluid.Result {
		hpa, err := rival.New("hpa", 1, c)
		if err != nil {
			t.Fatal(err)
		}
		r, err := world.Play(t.Context(), hpa)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	both := func(under sim.Conditions) (out [2]fluid.Result) {
		under.Sight = sim.Scraped
		c := wave(t, func(w *fluid.World) { *w = w.Under(under, fluid.Tick) })
		return [2]fluid.Result{play(c, c), play(scene(t, c), c)}
	}
	easy := both(sim.Conditions{})
	for name, tc := range map[string]struct {
		under sim.Conditions
		holds func(r, easy fluid.Result) bool
	}{
		"three GPUs are three replicas, and too few": {
			sim.Conditions{Quota: 3},
			func(r, easy fluid.Result) bool { return r.ReplicaSeconds <= 3.05*5400 && r.Late > easy.Late },
		},
		"warm-ups that vary": {
			sim.Conditions{WarmUpSpread: 0.6}, func(r, easy fluid.Result) bool { return !cmp.Equal(r, easy) },
		},
		"replicas that differ": {
			sim.Conditions{SpeedSpread: 0.4}, func(r, easy fluid.Result) bool { return r.Late != easy.Late },
		},
		"half of the scrapes lost": {
			sim.Conditions{Lost: 0.5}, func(r, easy fluid.Result) bool {
				return !cmp.Equal(r, easy) && r.ReplicaSeconds < 2*easy.ReplicaSeconds
			},
		},
		"a tenth of what is read NaN": {
			sim.Conditions{NaN: 0.1}, func(r, easy fluid.Result) bool {
				return !cmp.Equal(r, easy) && r.ReplicaSeconds < 2*easy.ReplicaSeconds
			},
		},
		"everything a minute late": {
			sim.Conditions{Delay: time.Minute}, func(r, easy fluid.Result) bool { return !cmp.Equal(r, easy) },
		},
		"twenty dark minutes while demand falls: nothing is given back": {
			sim.Conditions{Outages: []sim.Outage{{After: 40 * time.Minute, For: 30 * time.Minute}}},
			func(r, easy fluid.Result) bool { return r.ReplicaSeconds > easy.ReplicaSeconds },
		},
		"requests counted when they are finished": {
			sim.Conditions{AtFinish: true}, func(r, easy fluid.Result) bool { return r.Late > easy.Late },
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := both(tc.under)
			for i, world := range []string{"fluid", "request"} {
				if !tc.holds(got[i], easy[i]) {
					t.Errorf("%s: got %+v, in the easy world %+v", world, got[i], easy[i])
				}
			}
		})
	}
}

// TestSeveralPoolsRequestByRequest: a spot pool loses its nodes for half an hour; both pools are billed at their price.
func TestSeveralPoolsRequestByRequest(t *testing.T) {
	nodes := make([]int, 480)
	for k := range nodes {
		if nodes[k] = 6; k >= 240 && k < 360 {
			nodes[k] = 0
		}
	}
	c := wave(t, func(w *fluid.World) {
		w.Max, w.Start = 0, 2
		w.Pools = []fluid.Pool{
			{Name: "firm", Price: 1, GPUs: 2, Min: 1, Max: 8},
			{Name: "spot", Type: policy.Spot, Price: 0.3, GPUs: 2, Nodes: nodes, Notice: time.Minute, Start: 2, Max: 6},
		}
	})
	got, err := scene(t, c).Play(t.Context(), fluid.NewForewarm(c, fluid.Product{Headroom: 0.8, WarmUpKnown: true}))
	if err != nil {
		t.Fatal(err)
	}
	hours := got.ReplicaSeconds / 3600
	if got.Lost == 0 || got.Paid <= 0.3*hours || got.Paid >= hours || got.V1() > 0.2 || len(got.Timeline) != 0 {
		t.Errorf("want nodes lost and the demand carried by both pools, got %+v", got)
	}
}

func TestScenesThatCannotBePlayed(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*fluid.World)
		want   string
	}{
		"who sees exactly":        {func(w *fluid.World) { w.Sight = fluid.Exact() }, "want sight scraped"},
		"a replica without start": {func(w *fluid.World) { w.WarmUp.Median = 0 }, "want a warm-up above 0"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewScene(wave(t, tc.change)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want an error with %q, got %v", tc.want, err)
			}
		})
	}
}
