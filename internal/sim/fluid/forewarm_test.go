package fluid

import (
	"math"
	"testing"
	"time"

	"github.com/forewarm/forewarm/predictor"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
)

// hours is a wave around ten replicas of demand.
func hours(tb testing.TB, n int) *Course {
	tb.Helper()
	w := DefaultWorld()
	l := Load{Name: "hours", Step: Tick, Rate: make([]float64, n*240)}
	for k := range l.Rate {
		l.Rate[k] = 10 * w.Replica.Rate * (1 + 0.4*math.Sin(float64(k)/150))
	}
	c, err := NewCourse(l, w)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestTheProductDrivesTheFleet(t *testing.T) {
	for name, p := range map[string]Product{
		"capacity configured":          {Headroom: 1, WarmUpKnown: true},
		"nothing configured":           {Prior: 1},
		"prior half the truth":         {Prior: 0.5},
		"prior twice the truth":        {Prior: 2},
		"half the capacity is thought": {Headroom: 0.5, WarmUpKnown: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := hours(t, 6)
			f := NewForewarm(c, p)
			r := c.Run(f)
			if f.Held > 2 {
				t.Errorf("held %d ticks of %d", f.Held, r.Ticks)
			}
			if r.PeakWanted < 13 || r.V1() > 0.3 {
				t.Errorf("want a fleet that follows demand, got a peak of %d and V1 %.3f", r.PeakWanted, r.V1())
			}
			if again := c.Run(NewForewarm(c, p)); !cmp.Equal(r, again) {
				t.Errorf("two runs differ: %s", cmp.Diff(r, again))
			}
		})
	}
}

// TestWhatTheProductIsShown follows one observation into the product's own terms: counted in a unit in which
// the true capacity of 2 requests/s is 4, because the prior of 2 is to be half the truth.
func TestWhatTheProductIsShown(t *testing.T) {
	c := hours(t, 1)
	f := NewForewarm(c, Product{Prior: 0.5})
	now := c.World().Begin.Add(time.Hour)
	f.Decide(&Observation{
		Tick: 240, Now: now, Rate: 5, RateAge: 30 * time.Second, Known: true, Spec: 4, Ready: 3,
		Pools: []View{{
			Pool: c.World().pools()[0], Spec: 4, Ready: 3, Serving: 3, Reporting: 2,
			Warming: []time.Duration{time.Minute}, WarmUps: []time.Duration{5 * time.Minute},
		}},
		EnginesAge: Tick, Engines: Engines{Pods: 2, Strong: 2, Alike: 2, Completions: 4, Running: 60, Pending: 2, KV: 0.9, TTFT: 0.7},
	})
	got := f.Engine().Board().Load().Models[0].Input
	read := func(v float64) policy.Reading { return policy.Seen(v, Tick) }
	busy := policy.Pod{
		Name: "main-00000", Variant: "main", Pending: read(2), Running: read(60), KV: read(0.9),
		Completions: read(4), PromptTokens: read(4000), OutputTokens: read(2560),
	}
	second, young := busy, policy.Pod{Name: "main-00002", Variant: "main"}
	second.Name = "main-00001"
	young.Pending, young.Running, young.KV, young.Completions = read(0), read(0), read(0), read(0)
	young.PromptTokens, young.OutputTokens = read(0), read(0)
	want := policy.Input{
		Model: policy.ModelID{Namespace: "fluid", Name: "model"}, Now: now,
		Signals: policy.Signals{
			Pods: []policy.Pod{busy, second, young}, GatewayQueue: read(0), Arrivals: policy.Seen(10, 30*time.Second),
			ArrivalSource: policy.FromGateway, TTFTP95: read(0.7),
		},
		Supply: []policy.Supply{{
			Variant: "main", Known: true, Spec: 4, Ready: 3, Starting: 1,
			Ages: []time.Duration{time.Minute}, WarmUps: []time.Duration{5 * time.Minute},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMemoisedForecastsChangeNothing(t *testing.T) {
	c := hours(t, 6)
	memo := &Memo{}
	for _, headroom := range []float64{0.8, 1.2} {
		alone := predictor.NewForecaster(nil, 0)
		plain := c.Run(NewForewarm(c, Product{Headroom: headroom, WarmUpKnown: true, Forecaster: alone}))
		shared := c.Run(NewForewarm(c, Product{Headroom: headroom, WarmUpKnown: true, Forecaster: memo}))
		if diff := cmp.Diff(plain, shared); diff != "" {
			t.Errorf("headroom %g: %s", headroom, diff)
		}
	}
	if len(memo.made) == 0 {
		t.Error("nothing was remembered")
	}
}

func TestBlindTicksHold(t *testing.T) {
	c := hours(t, 1)
	f := NewForewarm(c, Product{Headroom: 1, WarmUpKnown: true})
	if got := f.Decide(&Observation{Now: c.World().Begin, Pools: views(c.World(), 7)}); got != 7 {
		t.Errorf("without a measurement: want the 7 that are there, got %d", got)
	}
}

func TestTheOracleKnows(t *testing.T) {
	c := course(t, nil, 1, 5, 2, 3, 9, 1)
	o := Oracle{Course: c, Unit: 2}
	f := o.Forecast(nil, c.World().Begin.Add(2*Tick), []time.Duration{Tick, 2 * Tick})
	past, _ := f.Past(2 * Tick)
	got := []float64{f.Level(), f.Max(Tick, 0.5), f.Max(2*Tick, 0.99), past}
	if diff := cmp.Diff([]float64{4, 6, 18, 10}, got); diff != "" {
		t.Error(diff)
	}
	if o.Forecast(nil, c.World().Begin.Add(time.Hour), []time.Duration{Tick}).Known() {
		t.Error("a forecast beyond the end")
	}
}

func TestSpreadScalesWhatIsAboveTheLevel(t *testing.T) {
	c := course(t, nil, 4, 2, 6, 6)
	horizons := []time.Duration{Tick, 2 * Tick}
	for share, want := range map[float64][]float64{0: {4, 4, 4}, 0.5: {4, 4, 5}, 1: {4, 4, 6}, 2: {4, 4, 8}} {
		f := Spread{Oracle{Course: c}, share}.Forecast(nil, c.World().Begin, horizons)
		got := []float64{f.Level(), f.Max(Tick, 0.95), f.Max(2*Tick, 0.95)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("share %g: %s", share, diff)
		}
	}
	if (Spread{Oracle{Course: c}, 0.5}).Forecast(nil, c.World().Begin.Add(time.Hour), horizons).Known() {
		t.Error("a forecast from nothing")
	}
}

func TestEveryProductHasItsGrid(t *testing.T) {
	for _, p := range Products() {
		if len(p.Grid) != GridSize {
			t.Errorf("%s: want %d headrooms, got %d", p.Name, GridSize, len(p.Grid))
		}
		if r := hours(t, 2).Run(p.On(hours(t, 2))(p.Default)); r.PeakWanted < 5 {
			t.Errorf("%s: want a fleet, got at most %d", p.Name, r.PeakWanted)
		}
	}
}

// onlooker wants nine whenever it is asked, and counts how often it only looks on.
type onlooker struct{ looked, decided int }

func (s *onlooker) Learn(*Observation)      { s.looked++ }
func (s *onlooker) Decide(*Observation) int { s.decided++; return 9 }

func TestALearnerTakesOverAnHourBeforeTheScore(t *testing.T) {
	w := DefaultWorld()
	w.BurnIn = 480
	l := Load{Name: "flat", Step: Tick, Rate: make([]float64, 600)}
	for k := range l.Rate {
		l.Rate[k] = 7 // five replicas at 70 %
	}
	c, err := NewCourse(l, w)
	if err != nil {
		t.Fatal(err)
	}
	s := &onlooker{}
	r := c.Run(s)
	if s.looked != 240 || s.decided != 360 {
		t.Errorf("want 240 ticks looked on and 360 decided, got %d and %d", s.looked, s.decided)
	}
	if r.ReplicaSeconds != 120*9*15 {
		t.Errorf("want nine replicas through the score, got %g replica-seconds", r.ReplicaSeconds)
	}
	f := NewForewarm(c, Product{Prior: 1})
	if r := c.Run(f); r.PeakWanted > 6 || r.V1() > 0 || f.Held > 2 {
		t.Errorf("want the fleet that flat demand needs, got %+v with %d ticks held", r, f.Held)
	}
}
