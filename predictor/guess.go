package predictor

import "math"

// The guesses: ways to say where the window maximum will be and how wrong that
// is. Adding one is a constant here and a line in guesses.
const (
	gLast = iota
	gMean5
	gMean5Shaky
	gMax30
	gMax30Linear
	gMax180
	gWinters
	gDay
	gDayShaky
	gWeek
	gClock
	gForestMid
	gForestHigh
	points // guesses of a point, with residuals around it
)

const (
	gRegress = points + iota
	gForest
	experts // all that are blended
)

// guess is a point and the unit of its residuals, in requests per second; no
// scale, no guess.
type guess struct{ base, scale float32 }

func (g guess) known() bool { return g.scale > 0 }

// moment is what the guesses made after one bucket need again when the outcome is
// known.
type moment struct {
	ok     bool
	guess  [points]guess
	unit   float32 // square-root scale, and what losses are relative to
	mean   float32
	y      float32
	z      [inputs]float32
	forest [levels]float32 // quantiles of the forest; known if forested
	grown  bool
	silent bool            // nothing came for two horizons, nor on earlier days at this hour
	out    [levels]float32 // what the blend said
	said   bool
}

// look makes the guesses after bucket i for the h buckets that follow.
func (t *track) look(s *series, i int, m *moment) {
	h := t.h
	mean := s.average(i, day)
	y := s.mean[i]
	e := 0.05*mean + 1e-9
	root := func(v float32) float32 { return float32(math.Sqrt(float64((v + e) * (mean + 1e-9)))) }
	unit := root(y)
	*m = moment{ok: s.whole(i, i+1), unit: unit, mean: mean, y: y}
	five := s.average(i, 5)
	high30, high180 := s.highest(i, 30), s.highest(i, 180)
	shaky := t.shake + 0.1*unit*t.calm
	g := &m.guess
	g[gLast] = guess{y, unit}
	g[gMean5] = guess{five, root(five)}
	g[gMean5Shaky] = guess{five, shaky}
	g[gMax30] = guess{high30, root(high30)}
	g[gMax30Linear] = guess{high30, high30 + e}
	g[gMax180] = guess{high180, root(high180)}
	dayUp, weekUp := y, y
	if t.hw.ready {
		g[gWinters] = guess{t.winters, root(t.winters)}
	}
	if up, ok := recurring(s, i, h, day, 7); ok {
		dayUp = max(y+up, 0)
		g[gDay] = guess{dayUp, root(dayUp)}
		g[gDayShaky] = guess{dayUp, shaky}
	}
	if up, ok := recurring(s, i, h, 7*day, 2); ok {
		weekUp = max(y+up, 0)
		g[gWeek] = guess{weekUp, root(weekUp)}
	}
	if v, ok := sameClock(s, i, h); ok {
		g[gClock] = guess{v, root(v)}
	}
	m.z = [inputs]float32{
		1, (five - y) / unit, (high30 - y) / unit, (high180 - y) / unit, (dayUp - y) / unit, (weekUp - y) / unit,
		(max(g[gWinters].base, 0) - y) / unit * b2f(t.hw.ready), t.shake / unit, (s.average(i, 60) - y) / unit,
	}
	still := 0.05 * mean
	m.silent = s.highest(i, 2*h) == 0 && dayUp <= still && weekUp <= still
	if t.forest.grown() && m.ok {
		t.forest.predict(s, i, t, &m.forest)
		m.grown = true
		mid, high := m.forest[midLevel], m.forest[highLevel]
		g[gForestMid] = guess{mid, high - mid + 0.02*unit}
		g[gForestHigh] = guess{high, root(high)}
	}
}

func b2f(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// recurring is how much the window maximum rose above the level at the same time
// of earlier periods, the newest weighing most.
func recurring(s *series, i, h, period, most int) (float32, bool) {
	sum, total, w := float32(0), float32(0), float32(1)
	for k := 1; k <= most; k++ {
		j := i - k*period
		if j < 0 {
			break
		}
		if s.whole(j, j+h+1) {
			sum += w * (s.ahead(j, h) - s.mean[j])
			total += w
		}
		w *= 0.7
	}
	if total == 0 {
		return 0, false
	}
	return sum / total, true
}

// sameClock is the highest rate within ten minutes of the same window on the last
// three days.
func sameClock(s *series, i, h int) (best float32, ok bool) {
	for k := 1; k <= 3; k++ {
		from, to := i-k*day-9, i-k*day+h+11
		if s.whole(from, to) {
			best, ok = max(best, s.top(from, to)), true
		}
	}
	return best, ok
}
