package rival

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// look is one tick of a hand-worked story: what the rival sees, and what it must answer.
type look struct {
	wait    int // ticks since the row before
	rate    float64
	spec    int
	engines fluid.Engines
	warming int
	want    int
}

// yard is a replica of 2 requests/s that keeps each for 10 s: at capacity it has 20 in flight, in 25 slots of
// 1320 tokens.
func yard(t *testing.T, warmUp time.Duration, rates ...float64) *fluid.Course {
	t.Helper()
	w := fluid.DefaultWorld()
	w.Replica = fluid.Replica{
		Rate: 2, Service: 10 * time.Second, KV: 0.8, Prompt: 1000, Output: 640, Patience: time.Minute,
	}
	w.WarmUp.Median = warmUp
	if len(rates) == 0 {
		rates = []float64{1}
	}
	c, err := fluid.NewCourse(fluid.Load{Name: "yard", Step: fluid.Tick, Rate: rates}, w)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func follow(t *testing.T, s fluid.Scaler, rows []look) {
	t.Helper()
	tick := 0
	for i, r := range rows {
		tick += r.wait
		o := fluid.Observation{
			Tick: tick, Now: time.Date(2026, 1, 5, 0, 0, 15*tick, 0, time.UTC), Known: tick > 0,
			Rate: r.rate, Recent: r.rate, Spec: r.spec, Ready: r.spec - r.warming,
			Warming: make([]time.Duration, r.warming), Engines: r.engines,
		}
		if got := s.Decide(&o); got != r.want {
			t.Errorf("row %d (tick %d): want %d, got %d", i, tick, r.want, got)
		}
	}
}

func TestRivalsByHand(t *testing.T) {
	const five = 20 // ticks in five minutes
	queue := func(pods int, waiting float64) fluid.Engines { return fluid.Engines{Pods: pods, Pending: waiting} }
	inUse := func(pods int, running, waiting float64) fluid.Engines {
		return fluid.Engines{Pods: pods, Running: running, Pending: waiting}
	}
	kv := func(pods int, use, waiting float64) fluid.Engines {
		return fluid.Engines{Pods: pods, KV: use, Pending: waiting}
	}
	for name, tc := range map[string]struct {
		rival    string
		headroom float64
		warmUp   time.Duration
		rows     []look
	}{
		"hpa: target is half the capacity, 1 request/s": {
			"hpa", 0.5, time.Minute, []look{
				{wait: 1, rate: 3.2, spec: 3, want: 3}, // 3.2/3 = 1.07: within 10 %
				{wait: 1, rate: 3.4, spec: 3, want: 4}, // 1.13: ceil(3.4/1)
				{wait: 1, rate: 20, spec: 4, want: 8},  // at most max(2*4, 4)
				{wait: 1, rate: 2, spec: 8, want: 16},  // 20 was wanted within 300 s; at most 2*8
				{wait: five, rate: 2, spec: 16, want: 2},
			}, // and now the 20 is forgotten
		},
		"keda on the queue: 5 waiting per replica": {
			"keda-queue", 5, time.Minute, []look{
				{wait: 1, spec: 2, engines: queue(2, 10.9), want: 2},     // 10.9/10 = 1.09
				{wait: 1, spec: 2, engines: queue(2, 26), want: 4},       // ceil(26/5) = 6, at most max(4, 4)
				{wait: 1, spec: 4, engines: queue(2, 0), want: 6},        // 6 was wanted
				{wait: five - 1, spec: 6, engines: queue(6, 0), want: 6}, // exactly 300 s ago still counts
				{wait: 1, spec: 6, engines: queue(6, 0), want: 1},
			}, // an empty queue wants nobody
		},
		"keda on KV use: half full": {
			"keda-kv", 0.5, time.Minute, []look{
				{wait: 1, spec: 3, engines: fluid.Engines{Pods: 3, KV: 0.8}, want: 5}, // ceil(2.4/0.5)
				{wait: 1, spec: 5, engines: fluid.Engines{Pods: 3, KV: 0.8}, want: 5}, // 2.4/2.5 = 0.96
				{wait: 1, spec: 5, engines: fluid.Engines{}, want: 5},                 // nobody reports is zero; 5 was wanted
				{wait: five + 1, spec: 5, engines: fluid.Engines{}, want: 1},
			}, // and then it is not
		},
		"keda has the limit of the hpa: three times the 20 of the peak": {
			"keda-queue", 5, time.Minute, []look{
				{wait: 1, spec: 29, engines: queue(29, 5000), want: 58}, // 1000 were wanted
				{wait: 1, spec: 58, engines: queue(58, 5000), want: 60},
			},
		},
		"and so has the hpa, which never gets there on its own": {
			"hpa", 0.4, time.Minute, []look{{wait: 1, rate: 40, spec: 40, want: 50}, {wait: 1, rate: 80, spec: 50, want: 60}},
		},
		"hpa with a window of its own: that is a behavior": {
			"hpa-tuned", 0.5, time.Minute, []look{
				{wait: 1, rate: 20, spec: 2, want: 6},         // at most max(2*2, 2+4)
				{wait: 1, rate: 2, spec: 6, want: 6},          // the 20 keeps what is there, and raises nothing
				{wait: 6*five - 2, rate: 2, spec: 6, want: 6}, // for half an hour
				{wait: 1, rate: 2, spec: 6, want: 2},
			},
		},
		"keda on both: what asks for more": {
			"keda-queue-kv", 0.5, time.Minute, []look{
				{wait: 1, spec: 3, engines: fluid.Engines{Pods: 3, KV: 0.8}, want: 5},              // 2.4/0.5
				{wait: 1, spec: 5, engines: fluid.Engines{Pods: 3, KV: 0.8, Pending: 40}, want: 8}, // 40/5
			},
		},
		"wva v1: 80 % of KV or 5 waiting are too much": {
			"wva-v1", 0.8, time.Minute, []look{
				{wait: 4, spec: 3, engines: kv(3, 0.75, 0), want: 4},            // 0.05 is spare, not 0.1
				{wait: 1, spec: 3, engines: kv(3, 0.4, 0), want: 3},             // it looks once a minute
				{wait: 3, spec: 4, warming: 1, engines: kv(3, 0.4, 0), want: 4}, // one is not there yet: frozen
				{wait: 4, spec: 3, engines: kv(3, 0.4, 0), want: 4},             // 0.75 was in the last four looks
				{wait: 4, spec: 3, engines: kv(3, 0.4, 0), want: 2},             // on two it is 0.6, 0.2 is spare
				{wait: 4, spec: 3, engines: kv(3, 0.4, 7.5), want: 4},           // 2.5 waiting each: 2.5 is spare, not 3
				{wait: 4, spec: 3, engines: kv(3, 0.9, 0), want: 4},             // all saturated
			},
		},
		"aibrix apa as coded: one dip wins": {
			"aibrix-apa-coded", 0.5, time.Minute, []look{
				{wait: 1, spec: 4, engines: kv(4, 0.52, 0), want: 4}, // within a tenth
				{wait: 1, spec: 4, engines: kv(4, 0.8, 0), want: 7},  // 4 * 1.6
				{wait: 1, spec: 7, engines: kv(7, 0.1, 0), want: 3},  // 1.4, but at most halved; the lowest wish
				{wait: 1, spec: 6, engines: kv(6, 0.4, 0), want: 3},  // 4.8: the dip to 3 still counts
			},
		},
		"aibrix apa as intended: the highest wish of five minutes holds": {
			"aibrix-apa", 0.5, time.Minute, []look{
				{wait: 1, spec: 4, engines: kv(4, 0.8, 0), want: 7},
				{wait: 1, spec: 7, engines: kv(7, 0.1, 0), want: 7},
			},
		},
		"aibrix kpa as coded: the mean per pod, without the pods": {
			"aibrix-kpa-coded", 0.5, time.Minute, []look{
				{wait: 1, spec: 4, engines: kv(4, 0.9, 0), want: 2},
			}, // ceil(0.9/0.5)
		},
		"aibrix kpa as intended": {
			"aibrix-kpa", 0.5, time.Minute, []look{
				{wait: 1, spec: 4, engines: kv(4, 0.9, 0), want: 8}, // ceil(3.6/0.5)
			},
		},
		"aibrix's optimizer: the larger of mean and present, at most doubled": {
			"aibrix-optimizer", 1, time.Minute, []look{
				{wait: 1, rate: 4, spec: 2, want: 2},
				{wait: 1, rate: 8, spec: 2, want: 4},  // mean 6
				{wait: 1, rate: 40, spec: 4, want: 8}, // 20
			},
		},
		"aibrix's optimizer as intended: the highest wish of five minutes holds": {
			"aibrix-optimizer", 1, time.Minute, []look{
				{wait: 1, rate: 8, spec: 4, want: 4},
				{wait: 1, rate: 2, spec: 4, want: 4}, // mean 5: 3
				{wait: 1, rate: 2, spec: 4, want: 4}, // mean 4: 2
			},
		},
		"aibrix's optimizer as coded: one dip wins": {
			"aibrix-optimizer-coded", 1, time.Minute, []look{
				{wait: 1, rate: 8, spec: 4, want: 4},
				{wait: 1, rate: 0, spec: 4, want: 2}, // mean 4
				{wait: 1, rate: 6, spec: 4, want: 2}, // 3, but 2 was wished
			},
		},
		"aibrix's optimizer: a tenth more is within": {
			"aibrix-optimizer", 1, time.Minute, []look{
				{wait: 1, rate: 22, spec: 10, want: 10}, // 11
				{wait: 1, rate: 24, spec: 10, want: 12},
			},
		},
		"dynamo, autoregression: the last value until there are five": {
			"dynamo-arima", 1, time.Minute, []look{
				{wait: 12, rate: 48, spec: 1, want: 2}, // 48*15/180 = 4 requests/s
				{wait: 12, rate: 72, spec: 2, want: 3},
				{wait: 12, rate: 96, spec: 3, want: 4},
				{wait: 12, rate: 120, spec: 4, want: 5},
				{wait: 12, rate: 144, spec: 5, want: 7}, // 4, 6, 8, 10, 12 grow by 2: 14 requests/s
			},
		},
		"kpa: target 1 request/s": {
			"kpa", 0.5, time.Minute, []look{
				{wait: 0, rate: 9, spec: 2, want: 2},             // starts in panic, holding 2
				{wait: 1, rate: 3, spec: 2, want: 3},             // stable 3; in panic only up
				{wait: 1, rate: 1, spec: 3, want: 3},             // stable (3+1)/2 = 2
				{wait: 3, rate: 1, spec: 3, want: 2},             // 75 s after the panic began: (3+1+1)/3 = 1.67
				{wait: 1, rate: 4, spec: 2, warming: 0, want: 4}, // burst 4 / 2 ready = 2: panic
				{wait: 1, rate: 4, spec: 4, warming: 2, want: 4}, // still 2 ready: the panic is extended
				{wait: 1, rate: 0, spec: 4, want: 4},             // no decrease in panic
				{wait: 4, rate: 0, spec: 4, want: 2},             // 75 s on: stable (4+4+0+0)/4
				{wait: 1, rate: 0, spec: 4, want: 2},
			}, // stable 1, but not under floor(4/2)
		},
		"wva: 26,400 tokens or 20 requests per replica": {
			"wva", 0.85, time.Minute, []look{
				{wait: 4, spec: 3, engines: inUse(3, 60, 0), want: 4},             // 79200/.85 - 79200 = 13976: 1 more
				{wait: 1, spec: 3, engines: inUse(3, 60, 0), want: 3},             // the loop runs every 60 s
				{wait: 3, spec: 4, warming: 1, engines: inUse(3, 60, 0), want: 4}, // the starting one counts
				{wait: 4, spec: 3, engines: inUse(3, 20, 0), want: 2},             // (79200 - 26400/.7)/26400 = 1.57: 1 less
				{wait: 4, spec: 3, engines: inUse(3, 45, 15), want: 5},
			}, // k2 = 45*1320/3 = 19800; 74400/.85 - 59400 = 28129
		},
		"wva behind its chart's hpa: up after four minutes, and at most ten": {
			"wva-hpa", 0.85, time.Minute, []look{
				{wait: 4, spec: 3, engines: inUse(3, 60, 0), want: 3},  // 4 are published
				{wait: 15, spec: 3, engines: inUse(3, 60, 0), want: 3}, // the 3 that it found is 225 s old
				{wait: 1, spec: 3, engines: inUse(3, 60, 0), want: 4},
				{wait: 12, spec: 4, engines: inUse(4, 80, 800), want: 4}, // 41
				{wait: 16, spec: 4, engines: inUse(4, 80, 800), want: 14},
				{wait: 5, spec: 14, engines: inUse(4, 80, 800), want: 14}, // ten in 150 s were added
			},
		},
		"dynamo, last value: 180 s at 2 requests/s each": {
			"dynamo-constant", 1, time.Minute, []look{
				{wait: 1, rate: 3, spec: 7, want: 7},   // nothing known before the first interval
				{wait: 11, rate: 69, spec: 7, want: 3}, // (3+69)*15/180 = 6 requests/s
				{wait: 1, rate: 0, spec: 3, want: 3},   // held
				{wait: 11, rate: 24, spec: 3, want: 1},
			}, // 24*15/180 = 2
		},
		"dynamo's load loop: 20 in flight each, half of the time between tokens whatever is": {
			"dynamo", 1, time.Minute, []look{
				{wait: 12, rate: 48, spec: 3, engines: inUse(3, 60, 5), want: 4},   // 65 > 60: one more; floor 2
				{wait: 1, spec: 4, warming: 1, engines: inUse(3, 60, 60), want: 4}, // one in progress: wait
				{wait: 1, spec: 4, engines: inUse(4, 40, 0), want: 4},              // 0.5 + 0.5 * 40/3/20 = 0.83 > 0.8
				{wait: 1, spec: 4, engines: inUse(4, 35, 0), want: 3},              // on three 0.79, on two 0.94
				{wait: 1, spec: 6, engines: inUse(6, 10, 0), want: 3},              // three looks per tick
				{wait: 1, spec: 3, engines: inUse(3, 10, 0), want: 2},
			}, // the floor
		},
		"phpa: the line through the last counts": {
			"phpa-linear", 1, time.Minute, []look{
				{wait: 1, rate: 2, spec: 1, want: 1}, // one count is no line
				{wait: 1, rate: 4, spec: 1, want: 3}, // counts 1, 2: 2.67 in 10 s
				{wait: 1, rate: 6, spec: 3, want: 4}, // counts 1, 2, 3: 3.67
				{wait: 1, rate: 2, spec: 4, want: 4},
			}, // counts 1, 2, 3, 1: lower, but 4 was wanted
		},
		"phpa as intended: one warm-up of a minute ahead": {
			"phpa-linear-ahead", 1, time.Minute, []look{
				{wait: 1, rate: 2, spec: 1, want: 1},
				{wait: 1, rate: 4, spec: 1, want: 6},
			}, // counts 1, 2: 6 in 4 ticks
		},
		"moving maximum of half an hour": {
			"moving-max", 0.5, time.Minute, []look{
				{wait: 1, rate: 3, spec: 9, want: 3},
				{wait: 1, rate: 1.5, spec: 3, want: 3},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(tc.rival, tc.headroom, yard(t, tc.warmUp, 1, 40))
			if err != nil {
				t.Fatal(err)
			}
			follow(t, s, tc.rows)
		})
	}
}

func TestMovingMaximumForgets(t *testing.T) {
	h := newHighest(3)
	var got []float64
	for _, v := range []float64{5, 1, 2, 1, 0, 0, 7, 7, 0} {
		got = append(got, h.add(v))
	}
	if diff := cmp.Diff([]float64{5, 5, 5, 2, 2, 1, 7, 7, 7}, got); diff != "" {
		t.Error(diff)
	}
}

// TestKalmanByHand follows the filter for two intervals: P starts at 1000*I, so after one prediction it is
// [2001 1000; 1000 1000.1]; the gain on level and trend is 2001/2011 and 1000/2011.
func TestKalmanByHand(t *testing.T) {
	k := &kalman{}
	if got := k.next(100); got != 100 {
		t.Errorf("first: want the value itself, got %g", got)
	}
	want := 100 + 30*2001.0/2011 + 30*1000.0/2011
	if got := k.next(130); math.Abs(got-want) > 1e-9 {
		t.Errorf("second: want %g, got %g", want, got)
	}
}

// TestKEDAWithASlowWayDown: the peak of the course, 40 requests/s, needs 20 replicas.
func TestKEDAWithASlowWayDown(t *testing.T) {
	queue := func(waiting float64) fluid.Engines { return fluid.Engines{Pods: 9, Pending: waiting} }
	s, err := New("keda-queue-tuned", 5, yard(t, time.Minute, 1, 40))
	if err != nil {
		t.Fatal(err)
	}
	follow(t, s, []look{
		{wait: 1, spec: 12, engines: queue(500), want: 20}, // 100 were wanted; the peak is the limit
		{wait: 1, spec: 20, engines: queue(0), want: 20},
		{wait: 61, spec: 20, engines: queue(0), want: 19}, // fifteen minutes on; one may go
		{wait: 1, spec: 19, engines: queue(0), want: 19},  // but one a minute
		{wait: 3, spec: 19, engines: queue(0), want: 18},
	})
}

// TestAIBrixPanicsAsIntended: eight quiet looks of 0.4, then 4 in use. The panic mean is twice the stable one with
// the third: (0.4+3*4)/4 = 3.1 over (8*0.4+3*4)/11 = 1.38. In panic nothing decreases for four looks.
func TestAIBrixPanicsAsIntended(t *testing.T) {
	s, err := New("aibrix-kpa", 0.5, yard(t, time.Minute, 1, 40))
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for i, use := range []float64{.1, .1, .1, .1, .1, .1, .1, .1, 1, 1, 1, 0} {
		n := s.Decide(&fluid.Observation{Tick: i + 1, Spec: 8, Ready: 8, Engines: fluid.Engines{Pods: 4, KV: use}})
		if i >= 8 {
			got = append(got, n)
		}
	}
	if diff := cmp.Diff([]int{4, 4, 7, 7}, got); diff != "" { // halved at most; then ceil(3.1/0.5)
		t.Error(diff)
	}
}

func TestAutoregressionByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		y    []float64
		want float64
	}{
		"what never changed stays":           {[]float64{7, 7, 7, 7, 7, 7}, 7},
		"a steady growth goes on":            {[]float64{1, 3, 5, 7, 9}, 11},
		"what swings about its mean, swings": {[]float64{4, 6, 4, 6, 4, 6, 4, 6, 4, 6, 4, 6}, 5 - 11.0/12},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := forecastAR(tc.y); math.Abs(got-tc.want) > 0.1 {
				t.Errorf("want %g, got %g", tc.want, got)
			}
		})
	}
}

func TestFixedFleets(t *testing.T) {
	c := yard(t, time.Minute, 4, 4, 4, 12) // mean 6, peak 12: 3 and 6 replicas
	for name, tc := range map[string]struct {
		headroom float64
		want     int
	}{"static-peak": {0.75, 5}, "always": {1.5, 5}} {
		s, err := New(name, tc.headroom, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Decide(&fluid.Observation{}); got != tc.want {
			t.Errorf("%s: want %d, got %d", name, tc.want, got)
		}
	}
}

func TestTableIsFair(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Table() {
		if seen[p.Name] {
			t.Errorf("%s: listed twice", p.Name)
		}
		seen[p.Name] = true
		if len(p.Grid) != fluid.GridSize {
			t.Errorf("%s: want %d headrooms, got %d", p.Name, fluid.GridSize, len(p.Grid))
		}
	}
	if _, err := New("nobody", 1, yard(t, 0)); err == nil {
		t.Error("an unknown rival was made")
	}
}
