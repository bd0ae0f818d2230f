package policy

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// auto is a model whose capacity is not configured.
func auto() Model {
	m := scene{}.model()
	m.Variants[0].CapacityFixed, m.Variants[0].Capacity = false, Capacity{}
	return m
}

// then is one stretch of time after another.
func then(ticks ...[]tick) []tick { return slices.Concat(ticks...) }

func TestObserveLearnsCapacity(t *testing.T) {
	const week = 7 * 24 * 240 // ticks
	light := tick{running: 5, output: 300, completions: 0.5}
	busy := tick{running: 100, output: 2400, completions: 4}
	jammed := tick{pending: 40, running: 100, output: 900, completions: 1.5, ttft: 9}
	rippling := tick{pending: 40, running: 100, output: 900, completions: 1.5, ttft: 0.5}
	late := tick{running: 100, output: 1000, completions: 1.5, ttft: 9}
	brisk := func(output float64, replicas int) tick {
		return tick{running: 50, output: output, completions: output / 640, ttft: 0.2, replicas: replicas}
	}
	for name, tc := range map[string]struct {
		ticks  []tick
		low    float64 // bounds of the planned output tokens/s
		high   float64
		source CapacitySource
	}{
		"nothing seen: the prior":                            {nil, 1280, 1280, CapacityPrior},
		"light load teaches nothing about the limit":         {times(100, light), 1280, 1280, CapacityPrior},
		"more than the prior, carried well, is capacity":     {times(100, busy), 2390, 2400, CapacityLearned},
		"a standing queue caps it":                           {times(40, jammed), 899, 901, CapacityLearned},
		"a queue of a moment is no evidence":                 {then(times(3, jammed), times(9, light)), 1280, 1280, CapacityPrior},
		"a queue within the SLO is no evidence":              {times(40, rippling), 1280, 1280, CapacityPrior},
		"what was carried outweighs one bad spell":           {then(times(40, busy), times(12, jammed)), 2250, 2400, CapacityLearned},
		"but not hours of it":                                {then(times(40, busy), times(960, jammed)), 900, 980, CapacityLearned},
		"a rush is not believed before it is over":           {then(times(30, light), times(13, busy), times(16, jammed)), 899, 901, CapacityLearned},
		"a silent pod teaches nothing":                       {times(40, tick{silent: true}), 1280, 1280, CapacityPrior},
		"a prior that was disproved does not return":         {then(times(40, jammed), times(2*week, light)), 899, 901, CapacityLearned},
		"nor one that was too low":                           {then(times(40, busy), times(2*week, light)), 2390, 2400, CapacityLearned},
		"a load above the bound, carried, raises the bound":  {then(times(40, jammed), times(30, tick{running: 50, output: 1100, completions: 2})), 1099, 1101, CapacityLearned},
		"late with a queue nowhere: no load was to blame":    {times(40, late), 1280, 1280, CapacityPrior},
		"late at more than was ever carried: it was":         {then(times(40, brisk(800, 1)), times(12, late)), 999, 1001, CapacityLearned},
		"with margin, one replica beyond what was proven":    {times(40, brisk(1200, 10)), 1332, 1334, CapacityLearned},
		"at most a quarter beyond":                           {times(40, brisk(1200, 2)), 1499, 1501, CapacityLearned},
		"one replica alone has nobody to take its work":      {times(40, brisk(1200, 1)), 1280, 1280, CapacityPrior},
		"never beyond a load that was missed":                {then(times(40, jammed), times(40, brisk(880, 10))), 899, 901, CapacityLearned},
		"nor beyond the same load carried by a faster fleet": {then(times(40, jammed), times(40, brisk(1100, 10))), 1099, 1101, CapacityLearned},
		"half-full caches: room for twice the work, no more": {times(40, tick{running: 20, output: 500, completions: 1, kv: 0.45}), 999, 1001, CapacityLearned},
		"nearly empty caches say nothing":                    {times(40, tick{running: 2, output: 50, completions: 0.1, kv: 0.1}), 1280, 1280, CapacityPrior},
		"full caches bound nothing below what was carried":   {times(40, tick{running: 2, output: 1300, completions: 2, kv: 1}), 1299, 1301, CapacityLearned},
	} {
		t.Run(name, func(t *testing.T) {
			c, source := PlanCapacity(auto(), observed(auto(), tc.ticks...), 0)
			if c.OutputTokens < tc.low || c.OutputTokens > tc.high || source != tc.source {
				t.Errorf("plans with %g tokens/s (%s), want [%g, %g] (%s)", c.OutputTokens, source, tc.low, tc.high, tc.source)
			}
		})
	}
	t.Run("what is configured is never re-learned", func(t *testing.T) {
		m := scene{}.model()
		c, source := PlanCapacity(m, observed(m, times(100, busy)...), 0)
		if diff := cmp.Diff(Capacity{Requests: 10}, c); diff != "" || source != CapacityConfigured {
			t.Error(diff, source)
		}
	})
	t.Run("a minute is a minute whatever the tick", func(t *testing.T) {
		for _, every := range []int{1, 2, 4} {
			var ticks []tick
			for i, x := range then(times(240, busy), times(24, jammed), times(240, light)) {
				if i%every == 0 {
					ticks = append(ticks, x)
				}
			}
			c, _ := PlanCapacity(auto(), observedEvery(auto(), time.Duration(every)*15*time.Second, ticks...), 0)
			if math.Abs(c.OutputTokens-2000) > 50 {
				t.Errorf("ticks of %d s: plans with %g tokens/s", 15*every, c.OutputTokens)
			}
		}
	})
}

// TestYoungPodsDoNotCount: a fleet of one carries 2,000 tokens/s; the second pod
// stands jammed at 100 until its cache is full.
func TestYoungPodsDoNotCount(t *testing.T) {
	m, l := auto(), Learned{}
	pod := func(i int, pending, output float64) Pod {
		return Pod{
			Name: fmt.Sprintf("pod-%d", i), Variant: "main", Pending: Seen(pending, 0), Running: Seen(20, 0),
			KV: Seen(0.1, 0), Completions: Seen(output/600, 0), OutputTokens: Seen(output, 0), PromptTokens: Seen(output, 0),
		}
	}
	at := func(after time.Duration, pods ...Pod) {
		in := scene{spec: 2, ready: 2, arrivals: 3, ttft: 9}.input()
		in.Now, in.Signals.Pods = noon.Add(after), pods
		l = Observe(m, l, in)
	}
	planned := func() float64 { c, _ := PlanCapacity(m, l, 0); return c.OutputTokens }
	at(0, pod(0, 0, 600))
	now := time.Minute
	for ; now < 6*time.Minute; now += 15 * time.Second {
		at(now, pod(0, 0, 600), pod(1, 50, 100))
	}
	if got := planned(); got != 1280 {
		t.Errorf("a young pod's queue capped the plan at %g", got)
	}
	for ; now < 10*time.Minute; now += 15 * time.Second {
		at(now, pod(0, 0, 600), pod(1, 50, 100))
	}
	if got := planned(); got > 200 {
		t.Errorf("a grown pod's standing queue did not: %g", got)
	}
}

// TestAPodThatComesBackIsNew: its cache is cold, whatever its name.
func TestAPodThatComesBackIsNew(t *testing.T) {
	in := func(names ...string) *Input {
		out := &Input{Now: noon}
		for _, n := range names {
			out.Signals.Pods = append(out.Signals.Pods, Pod{Name: n, Variant: "main"})
		}
		return out
	}
	l := VariantLearned{Pods: sight(nil, "main", in("a", "b"), true)}
	again := sight(l.Pods, "main", in("a", "b"), false)
	if &again[0] != &l.Pods[0] {
		t.Error("nothing changed and yet it was copied")
	}
	for _, names := range [][]string{{"a"}, {"a", "b", "c"}} {
		l.Pods = sight(l.Pods, "main", in(names...), false)
	}
	for pod, want := range map[string]bool{"a": true, "b": false, "c": false, "d": false} {
		if grown(l, pod, noon) != want {
			t.Errorf("%s grown: %v, want %v", pod, !want, want)
		}
	}
	if !grown(l, "b", noon.Add(cacheRefill)) {
		t.Error("b never grows up")
	}
}

func grown(l VariantLearned, pod string, now time.Time) bool {
	i := slices.IndexFunc(l.Pods, func(s Sighting) bool { return s.Name == pod })
	return i >= 0 && l.Pods[i].grown(now.Add(-cacheRefill))
}
