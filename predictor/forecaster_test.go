package predictor

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// load is a demand by minute since noon, in requests per second; NaN is a gap.
type load func(minute int) float64

func steady(rate float64) load { return func(int) float64 { return rate } }

// daily rises from low to high and back each day, steepest at 6:00 and 18:00.
func daily() load {
	const low, high = 4.0, 16.0
	return func(m int) float64 {
		return low + (high-low)*(1-math.Cos(2*math.Pi*float64(m)/float64(day)))/2
	}
}

// noisy adds the spread of Poisson counts of a minute.
func noisy(l load, seed uint64) load {
	return func(m int) float64 {
		rng := rand.New(rand.NewPCG(seed, uint64(m)))
		v := l(m)
		return math.Max(0, v+math.Sqrt(v/60)*rng.NormFloat64())
	}
}

// then follows one load up to a minute, another from there on.
func (l load) then(minute int, next load) load {
	return func(m int) float64 {
		if m < minute {
			return l(m)
		}
		return next(m)
	}
}

// live lets a history see the minutes [from, to), four samples each.
func live(h *History, l load, from, to int) {
	for m := from; m < to; m++ {
		for k := range 4 {
			h.Add(noon.Add(time.Duration(m)*time.Minute+time.Duration(k)*15*time.Second), l(m))
		}
	}
}

func newHistory() *History { return NewHistory(DefaultStep, 14*24*time.Hour) }

// after is the forecast that a fresh forecaster makes once the minutes before m
// were seen.
func after(l load, m int, horizon time.Duration) Forecast {
	h := newHistory()
	live(h, l, 0, m)
	return NewForecaster(nil, 0).Forecast(h, h.Seen(), []time.Duration{horizon})
}

func TestForecasterStories(t *testing.T) {
	const days = day
	wave := noisy(daily(), 1)
	quiet := func(m int) float64 {
		if m%days >= 600 && m%days < 660 {
			return 12
		}
		return 2
	}
	for name, tc := range map[string]struct {
		load      load
		at        int // minutes
		q         float64
		low, high float64 // bounds of Max(10m, q)
	}{
		"one minute of history, a guess is there":         {steady(8), 1, 0.9, 8, 14},
		"a steady load of a day needs little":             {steady(8), days, 0.95, 8, 8.4},
		"a daily rise is expected before it comes":        {quiet, 5*days + 595, 0.9, 11.5, 13.5},
		"and not at another hour":                         {quiet, 5*days + 300, 0.9, 2, 4},
		"a wave is expected to go on rising":              {wave, 4*days + 300, 0.5, wave(4*days+300) - 0.5, 16},
		"a break of the trend is believed within an hour": {wave.then(4*days+300, steady(40)), 4*days + 360, 0.5, 39.5, 44},
		"a flash crowd is forgotten within a day":         {steady(5).then(2*days, steady(50)).then(2*days+30, steady(5)), 3*days + 120, 0.9, 5, 7},
		"a gap is no zero":                                {steady(8).then(days, steady(math.NaN())).then(days+120, steady(8)), days + 125, 0.5, 7.9, 8.5},
		"silence is silence":                              {steady(0), days, 0.5, 0, 0},
		"silence after noise is silence in the middle":    {noisy(steady(5), 3).then(days/2, steady(0)), days/2 + 60, 0.5, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := after(tc.load, tc.at, 10*time.Minute)
			if !f.Known() {
				t.Fatal("no forecast")
			}
			if got := f.Max(10*time.Minute, tc.q); got < tc.low-1e-9 || got > tc.high {
				t.Errorf("Max(10m, %g) = %g, want within [%g, %g]", tc.q, got, tc.low, tc.high)
			}
		})
	}
}

func TestSeasonIsDetectedNeverAssumed(t *testing.T) {
	for name, tc := range map[string]struct {
		load load
		days int
		want bool
	}{
		"a wave of five days":     {noisy(daily(), 1), 5, true},
		"a wave of half a day":    {daily(), 0, false},
		"noise of five days":      {noisy(steady(8), 2), 5, false},
		"one step in five days":   {steady(4).then(3*day, steady(16)), 5, false},
		"a gap of a day in it":    {noisy(daily().then(2*day, steady(math.NaN())).then(3*day, daily()), 1), 6, true},
		"nothing but one sample":  {steady(8), 0, false},
		"nothing came in a week":  {steady(0), 7, false},
		"a spike once in a while": {func(m int) float64 { return 1 + 50*float64(1-min(m%1000, 1)) }, 6, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := after(tc.load, tc.days*day+day/2, 5*time.Minute).Seasonal(); got != tc.want {
				t.Errorf("seasonal = %v, want %v", got, tc.want)
			}
		})
	}
}

// The grid is monotone and finite, whatever comes.
func TestForecasterNeverLies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		f := NewForecaster(nil, time.Duration(rapid.IntRange(0, day).Draw(t, "phase"))*time.Minute)
		at := noon
		for range rapid.IntRange(1, 60).Draw(t, "samples") {
			at = at.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "seconds")) * time.Second)
			h.Add(at, rapid.OneOf(rapid.Float64Range(0, 1e9), rapid.Just(0.0), rapid.Just(math.NaN())).Draw(t, "rate"))
			g := f.Forecast(h, at, []time.Duration{time.Minute, time.Duration(rapid.IntRange(1, 40).Draw(t, "h")) * time.Minute}).Grid()
			for i, v := range g.Values {
				if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 || g.Held[i] < v {
					t.Fatalf("cell %d of %v, held %v", i, g.Values, g.Held)
				}
				if i%levels > 0 && v < g.Values[i-1] || i >= levels && v < g.Values[i-levels] {
					t.Fatalf("not monotone: %v", g.Values)
				}
			}
		}
	})
}

// What comes after a forecast cannot have changed it, and neither can how often,
// or when, the forecaster was asked before: it is a fold over the history.
func TestForecastsAreAFoldOverThePast(t *testing.T) {
	l := daily()
	lived, asked := newHistory(), NewForecaster(nil, 90*time.Minute)
	horizons := []time.Duration{time.Minute, 7 * time.Minute}
	const end = 5*day + 200
	live(lived, l, 0, 4*day)
	var veteran Forecast
	for m := 4 * day; m < end; m++ { // two epochs lie within
		live(lived, l, m, m+1)
		veteran = asked.Forecast(lived, lived.Seen(), horizons)
		if got := veteran.Max(horizons[1], 0.9); got < 0.99*l(m) { // an epoch begins without a blink
			t.Fatalf("minute %d: %g req/s are expected to rise to %g at most", m, l(m), got)
		}
	}
	h := newHistory()
	live(h, l, 0, end)
	same(t, "never asked before", veteran, NewForecaster(nil, 90*time.Minute).Forecast(h, h.Seen(), horizons))

	w := &Workspace{}
	shared, other := NewForecaster(w, 90*time.Minute), NewForecaster(w, 0)
	other.Forecast(lived, lived.Seen(), []time.Duration{20 * time.Minute})
	same(t, "scratch shared with another", veteran, shared.Forecast(h, h.Seen(), horizons))

	back := NewForecaster(nil, 90*time.Minute)
	back.Forecast(h, h.Seen(), []time.Duration{15 * time.Minute})
	same(t, "another horizon in between", veteran, back.Forecast(h, h.Seen(), horizons))
}

func same(t *testing.T, story string, a, b Forecast) {
	t.Helper()
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil || string(x) != string(y) || !a.Known() {
		t.Errorf("%s:\n%s\n%s", story, x, y)
	}
}

// Out of sample, on load that the forecaster has to learn, a quantile holds about
// as often as it says.
func TestCoverageIsCalibrated(t *testing.T) {
	for name, l := range map[string]load{
		"counts around a level": noisy(steady(8), 7),
		"a daily wave":          noisy(daily(), 8),
		"bursts of ten minutes": noisy(func(m int) float64 { return 5 + 20*float64((m/10*7919)%13/12) }, 9),
	} {
		t.Run(name, func(t *testing.T) {
			var samples []Sample
			for m := range 5 * day {
				samples = append(samples, Sample{noon.Add(time.Duration(m) * time.Minute), l(m)})
			}
			c := Score(NewForecaster(nil, 0), samples, 5*time.Minute, noon.Add(72*time.Hour))
			for j, q := range c.Quantile {
				if tolerance := 0.02 + 0.3*math.Min(q, 1-q); q >= 0.7 && math.Abs(c.Coverage[j]-q) > tolerance {
					t.Errorf("%g is covered in %.3f of %d windows", q, c.Coverage[j], c.Origins)
				}
			}
		})
	}
}

// A model takes at most 192 KiB, its history of two weeks included.
func TestMemoryPerModel(t *testing.T) {
	h, f := newHistory(), NewForecaster(nil, 0)
	live(h, noisy(daily(), 5), 0, 16*day)
	f.Forecast(h, h.Seen(), []time.Duration{20 * time.Minute})
	if got := f.Bytes() + h.Bytes(); got > 192<<10 || got < 100<<10 {
		t.Errorf("%d KiB of forecaster and %d KiB of history, want at most 192", f.Bytes()>>10, h.Bytes()>>10)
	}
}

// The arithmetic allocates nothing: only the grid that is handed out is new.
func TestForecastingAllocatesOnlyItsAnswer(t *testing.T) {
	l := daily()
	h, f := newHistory(), NewForecaster(nil, 0)
	m := 4 * day
	live(h, l, 0, m)
	horizons := []time.Duration{time.Minute, 5 * time.Minute}
	f.Forecast(h, h.Seen(), horizons)
	if n := testing.AllocsPerRun(50, func() {
		live(h, l, m, m+1)
		m++
		f.work.series.load(h)
		f.follow(&f.work.series, 5)
	}); n > 0 {
		t.Errorf("a minute allocates %g times", n)
	}
	answer := f.Forecast(h, h.Seen(), horizons)
	if n := testing.AllocsPerRun(50, func() {
		answer = answer.Shifted(9, 9)
		answer.Recent().Max(5*time.Minute, 0.95)
	}); n > 0 {
		t.Errorf("reading an answer allocates %g times", n)
	}
}

// What demand rose to between two forecasts is remembered with the one that stood.
func TestABlipBetweenTwoForecastsIsRemembered(t *testing.T) {
	h, f := newHistory(), NewForecaster(nil, 0)
	live(h, func(int) float64 { return 10 }, 0, 200)
	at := h.Seen()
	for i := range 10 {
		rate := 10.0
		if i == 2 {
			rate = 18
		}
		at = at.Add(15 * time.Second)
		h.Add(at, rate)
	}
	f.Forecast(h, at, []time.Duration{8 * time.Minute})
	newest := f.track.at(f.track.next - 1).out[0]
	for gain, want := range map[float32]float32{0: 10, 0.5: 14, 1: 18} {
		if got := f.track.held(&f.work.series, gain)[0]; got < want || got > max(want, newest)+2 {
			t.Errorf("at a gain of %g %g req/s are kept for, want about %g", gain, got, want)
		}
	}
}

func BenchmarkForecastAMinute(b *testing.B) {
	l := noisy(daily(), 5)
	h, f := newHistory(), NewForecaster(nil, 0)
	m := 14 * day
	live(h, l, 0, m)
	horizons := []time.Duration{time.Minute, 5 * time.Minute}
	f.Forecast(h, h.Seen(), horizons)
	epoch := f.track.epoch
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		live(h, l, m, m+1)
		m++
		f.work.series.load(h)
		if floorDiv(f.work.series.end(), EpochEvery)*EpochEvery != epoch { // epochs have a benchmark of their own
			f.Forecast(h, h.Seen(), horizons)
			epoch = f.track.epoch
			live(h, l, m, m+1)
			m++
		}
		b.StartTimer()
		f.Forecast(h, h.Seen(), horizons)
	}
}

func BenchmarkEpochOfTwoWeeks(b *testing.B) {
	h, f := newHistory(), NewForecaster(nil, 0)
	live(h, noisy(daily(), 5), 0, 14*day)
	f.work.series.load(h)
	b.ReportAllocs()
	for b.Loop() {
		f.begin(&f.work.series, h.base+int64(14*day-1), 7)
	}
}

func BenchmarkLoadTwoWeeks(b *testing.B) {
	var hs [2]*History // in turn, for of the same one only what is new would be unpacked
	for i := range hs {
		hs[i] = newHistory()
		live(hs[i], noisy(daily(), 5), 0, 14*day)
	}
	var s series
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		s.load(hs[n%2])
	}
}
