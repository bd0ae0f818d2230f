package policy

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tick is one observation of one pod, a quarter of a minute after the last.
type tick struct {
	pending, running, output, completions float64
	ttft                                  float64
	kv                                    float64
	silent                                bool // the pod says nothing
	warmUps, newNodes                     []time.Duration
	replicas                              int // ready, of which one reports; 0 = 1
}

// observed folds ticks into Learned, from noon on.
func observed(m Model, ticks ...tick) Learned { return observedEvery(m, 15*time.Second, ticks...) }

func observedEvery(m Model, interval time.Duration, ticks ...tick) Learned {
	l := Learned{}
	for i, x := range ticks {
		l = Observe(m, l, x.input(m, noon.Add(time.Duration(i)*interval)))
	}
	return l
}

// input is what is seen at one tick.
func (x tick) input(m Model, now time.Time) Input {
	in := Input{Model: m.ID, Now: now}
	in.Signals.Arrivals = Seen(x.completions, 0)
	in.Signals.ArrivalSource = FromCompletions
	if x.ttft > 0 {
		in.Signals.TTFTP95 = Seen(x.ttft, 0)
	}
	p := Pod{Name: "pod-0", Variant: "main"}
	if !x.silent {
		p.Pending, p.Running, p.OutputTokens = Seen(x.pending, 0), Seen(x.running, 0), Seen(x.output, 0)
		p.Completions, p.PromptTokens, p.KV = Seen(x.completions, 0), Seen(2*x.output, 0), Seen(x.kv, 0)
	}
	in.Signals.Pods = []Pod{p}
	in.Supply = []Supply{{
		Variant: "main", Known: true, Spec: 1, Ready: max(x.replicas, 1), WarmUps: x.warmUps, NewNodes: x.newNodes,
	}}
	return in
}

func times(n int, x tick) []tick {
	var out []tick
	for range n {
		out = append(out, x)
	}
	return out
}

func TestObserveLearnsRequests(t *testing.T) {
	m := scene{}.model()
	w := WorkPerRequest(observed(m, times(100, tick{running: 10, output: 600, completions: 2})...))
	if w.OutputTokens < 299 || w.OutputTokens > 301 || w.PromptTokens < 599 || w.PromptTokens > 601 {
		t.Errorf("one request is %+v, want 300 output and 600 prompt tokens", w)
	}
	if w := WorkPerRequest(observed(m, tick{output: 600, completions: 2})); w != (Work{Requests: 1}) {
		t.Errorf("one tick is no evidence, got %+v", w)
	}
	if w := WorkPerRequest(observed(m, times(100, tick{silent: true})...)); w != (Work{Requests: 1}) {
		t.Errorf("silence is no evidence, got %+v", w)
	}
}

// TestALeadGrowsInSteps: every other lead is another forecast, trained anew, and slow loads come to many models at once.
func TestALeadGrowsInSteps(t *testing.T) {
	m := scene{}.model()
	m.Variants[0].WarmUpFixed = false
	l := observed(m, tick{})
	leads := map[time.Duration]bool{}
	for age := time.Duration(0); age < maxWarmUp; age += 15 * time.Second {
		in := Input{Supply: []Supply{{Ages: []time.Duration{age}}}}
		lead := Lead(m, l, in)
		if lead < min(age, maxWarmUp)+controlDelay {
			t.Errorf("a pod that has loaded for %v is expected within a lead of %v", age, lead)
		}
		leads[lead] = true
	}
	if len(leads) > 8 {
		t.Errorf("want 8 leads at most while one pod loads for half an hour, got %d", len(leads))
	}
}

func TestWarmUp(t *testing.T) {
	m := scene{}.model()
	m.Variants[0].WarmUpFixed = false
	second := func(n ...int) []time.Duration {
		var out []time.Duration
		for _, s := range n {
			out = append(out, time.Duration(s)*time.Second)
		}
		return out
	}
	for name, tc := range map[string]struct {
		m      Model
		seen   []time.Duration
		supply Supply
		want   time.Duration
		nodes  []time.Duration // warm-ups on new nodes
	}{
		"nothing seen: the prior":                        {m: m, want: 2 * time.Minute},
		"a first quick one does not replace the prior":   {m: m, seen: second(20), want: 2 * time.Minute},
		"a slow one counts at once":                      {m: m, seen: second(400), want: 400 * time.Second},
		"three replace the prior":                        {m: m, seen: second(20, 30, 25), want: 30 * time.Second},
		"nine in ten are covered":                        {m: m, seen: second(10, 10, 10, 10, 10, 10, 10, 10, 10, 99), want: 10 * time.Second},
		"one that outlasts all: half as long, and again": {m: m, seen: second(20, 30, 25), supply: Supply{Ages: second(90, 5)}, want: 101250 * time.Millisecond},
		"a starved one waits for a node, not a load":     {m: m, seen: second(20, 30, 25), supply: Supply{Ages: second(9000, 5), Starved: 1}, want: 30 * time.Second},
		"one stuck for ever is capped":                   {m: m, seen: second(20, 30, 25), supply: Supply{Ages: second(90000)}, want: maxWarmUp},
		"configured is configured":                       {m: scene{}.model(), seen: second(20, 30, 25), want: 2 * time.Minute},
		"one straggler among many is one among many":     {m: m, seen: second(slices.Repeat([]int{20}, 30)...), supply: Supply{Ages: second(90)}, want: 20 * time.Second},
		"many stragglers are a change":                   {m: m, seen: second(slices.Repeat([]int{20}, 10)...), supply: Supply{Ages: second(90, 90, 90)}, want: 101250 * time.Millisecond},
		"those that just began say nothing":              {m: m, seen: second(20, 30, 25), supply: Supply{Ages: second(5, 5, 5, 5)}, want: 30 * time.Second},
		"both regimes, as often as they came":            {m: m, seen: second(slices.Repeat([]int{20}, 27)...), nodes: second(300, 310, 320), want: 20 * time.Second},
		"one in eight on a new node: planned for":        {m: m, seen: second(slices.Repeat([]int{20}, 21)...), nodes: second(300, 310, 320), want: 300 * time.Second},
		"while a pod waits for a node, so would the next": {
			m: m, seen: second(slices.Repeat([]int{20}, 27)...), nodes: second(300, 310, 320),
			supply: Supply{Homeless: 1}, want: 320 * time.Second,
		},
		"two new nodes are no regime yet": {
			m: m, seen: second(slices.Repeat([]int{20}, 28)...), nodes: second(300, 310),
			supply: Supply{Homeless: 1}, want: 20 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := observed(tc.m, tick{warmUps: tc.seen, newNodes: tc.nodes})
			if got := WarmUp(tc.m, l, Input{Supply: []Supply{tc.supply}}, 0); got != tc.want {
				t.Errorf("warm-up is %v, want %v", got, tc.want)
			}
		})
	}
}

func TestObserveNeverTouchesItsInput(t *testing.T) {
	m := scene{}.model()
	l := observed(m, times(20, tick{running: 10, output: 600, completions: 2, warmUps: []time.Duration{time.Minute}})...)
	before := Learned{Since: l.Since, At: l.At, LastBusy: l.LastBusy, Good: l.Good, Request: l.Request, Serving: l.Serving}
	for _, v := range l.Variants {
		v.WarmUps = slices.Clone(v.WarmUps)
		before.Variants = append(before.Variants, v)
	}
	in := Input{Model: m.ID, Now: noon.Add(time.Hour), Supply: []Supply{{Known: true, WarmUps: []time.Duration{1, 2, 3}}}}
	Observe(m, l, in)
	if diff := cmp.Diff(before, l); diff != "" {
		t.Error(diff)
	}
}

func TestUnwatchedTimeProvesNothing(t *testing.T) {
	s := scene{spec: 1, ready: 1, toZero: true}
	m, in := s.model(), s.input()
	l := Observe(m, Learned{}, in)
	in.Now = noon.Add(time.Hour) // nobody looked for an hour, then all was quiet
	if l = Observe(m, l, in); !l.LastBusy.Equal(in.Now) {
		t.Errorf("last busy %v: an unwatched hour counts as idle", l.LastBusy)
	}
}

func TestUnknownPromptsAreNotShort(t *testing.T) {
	m := scene{}.model()
	in := scene{spec: 1, ready: 1, arrivals: 2}.input()
	in.Signals.Pods[0].OutputTokens = Seen(600, 0)
	in.Signals.Pods[0].PromptTokens = Seen(60000, 0)
	l := Learned{}
	for i := range 2000 {
		if in.Now = noon.Add(time.Duration(i) * 15 * time.Second); i == 1000 {
			in.Signals.Pods[0].PromptTokens = Reading{}
		}
		l = Observe(m, l, in)
	}
	if w := WorkPerRequest(l); w.PromptTokens < 29000 {
		t.Errorf("a request has %g prompt tokens after they became unknown, want the 30,000 that were measured", w.PromptTokens)
	}
}
