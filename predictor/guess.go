package predictor

import "math"

// The guesses of a point, with residuals around it. Adding one is a line here and
// one in lookBack or lookAtSeasons. All but the first guess the window's maximum
// itself: the blend averages quantiles, and one of a level with wide one-sided
// errors in it makes the upper ones worse, whatever its own losses.
const (
	gMean5       = iota // mean of five
	gMax30              // highest of 30
	gMax30Linear        // the same, residuals in units of the level
	gDay                // last bucket and how much the window rose on earlier days
	gDayShaky           // the same, residuals in units of the present restlessness
	gWeek               // last bucket and how much the window rose in earlier weeks
	gForestHigh         // .9 quantile of the forest
	points
)

// The experts that have quantiles of their own.
const (
	gRegress = points + iota
	gForest
	experts
)

// guess is a point and the unit of its residuals, in requests per second; no
// scale, no guess.
type guess struct{ base, scale float32 }

func (g guess) known() bool { return g.scale > 0 }

// moment is what the guesses made after one bucket need again when the outcome is
// known.
type moment struct {
	ok     bool // the bucket is known
	guess  [points]guess
	unit   float32         // square-root scale, and what losses are relative to
	mean   float32         // of the day
	y      float32         // of the bucket
	z      [inputs]float32 // of the regression
	forest [levels]float32 // quantiles of the forest
	grown  bool            // there was a forest
	silent bool            // nothing came for two horizons, nor on earlier days at this hour
	out    [levels]float32 // what the blend said
	said   bool
}

// tiny keeps divisions by silence finite, in requests per second.
const tiny = 1e-9

// softness is the share of the day's mean that is added to a level before a root
// or a logarithm is taken of it.
const softness = 0.05

// look makes the guesses after bucket i for the h buckets that follow.
func (t *track) look(s *series, i int, m *moment) {
	mean, y := s.average(i, day), s.mean[i]
	*m = moment{ok: s.whole(i, i+1), mean: mean, y: y}
	m.unit = m.root(y)
	t.lookBack(s, i, m)
	dayUp, weekUp := t.lookAtSeasons(s, i, m)
	still := softness * mean
	m.silent = s.highest(i, 2*t.h) == 0 && dayUp <= still && weekUp <= still
	off := func(v float32) float32 { return (v - y) / m.unit }
	winters := y
	if t.hw.ready {
		winters = t.winters
	}
	m.z = [inputs]float32{
		1, off(m.guess[gMean5].base), off(m.guess[gMax30].base), off(s.highest(i, 180)), off(dayUp), off(weekUp),
		off(winters), t.shake / m.unit, off(s.average(i, 60)),
	}
	if m.ok && t.forest.grown() {
		t.forest.predict(s, i, t, &m.forest)
		m.grown = true
		high := m.forest[highLevel]
		m.guess[gForestHigh] = guess{high, m.root(high)}
	}
}

// root is the unit of errors of counted arrivals at a rate, which spread with the
// square root of their number; the day's mean makes it a rate.
func (m *moment) root(v float32) float32 {
	return float32(math.Sqrt(float64((v + softness*m.mean + tiny) * (m.mean + tiny))))
}

// lookBack guesses from the last half hour.
func (t *track) lookBack(s *series, i int, m *moment) {
	five, high := s.average(i, 5), s.highest(i, 30)
	g := &m.guess
	g[gMean5] = guess{five, m.root(five)}
	g[gMax30] = guess{high, m.root(high)}
	g[gMax30Linear] = guess{high, high + softness*m.mean + tiny}
}

// lookAtSeasons guesses from earlier days and weeks, as far as there are any, and
// says where a day and a week ago point to; the present level where they do not. A
// shaky guess has residuals in units of the present restlessness: an explicit
// dispersion, for load that comes in bursts.
func (t *track) lookAtSeasons(s *series, i int, m *moment) (dayUp, weekUp float32) {
	g := &m.guess
	dayUp, weekUp = m.y, m.y
	if up, ok := recurring(s, i, t.h, day, 7); ok {
		dayUp = max(m.y+up, 0)
		g[gDay] = guess{dayUp, m.root(dayUp)}
		g[gDayShaky] = guess{dayUp, t.shake + 0.1*m.unit}
	}
	if up, ok := recurring(s, i, t.h, 7*day, 2); ok {
		weekUp = max(m.y+up, 0)
		g[gWeek] = guess{weekUp, m.root(weekUp)}
	}
	return dayUp, weekUp
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
