package predictor

import "math"

// levels is how many quantiles are forecast.
const levels = 16

const (
	midLevel  = 2 // index of the median
	highLevel = 8 // index of .9
)

// Quantiles are the columns of every forecast grid.
var Quantiles = []float64{
	0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998,
}

const (
	errorHalfLife = 720 // buckets in which an error made counts half
	scoreHalfLife = 360 // buckets in which a loss counts half
	shakeHalfLife = 60  // buckets of the decayed mean step
	sharpness     = 10  // how steeply weights fall with the loss
)

var (
	errorGrowth = float32(math.Exp2(1.0 / errorHalfLife))
	scoreDecay  = float32(math.Exp2(-1.0 / scoreHalfLife))
	shakeDecay  = float32(math.Exp2(-1.0 / shakeHalfLife))
)

// track is the fold over closed buckets for one horizon: how wrong every guess
// was, and how good every expert. Its state after a bucket is a function of the
// buckets before it alone.
type track struct {
	h       int   // horizon in buckets
	epoch   int64 // bucket at which the state was begun anew
	next    int64 // number of the first bucket that is not folded
	seen    int   // outcomes
	season  bool  // a day or week recurs
	shake   float32
	winters float32 // Holt-Winters forecast of the newest bucket
	hw      winters
	reg     regression
	forest  forest
	errs    [points]residuals
	loss    [experts][levels]float32 // decayed sums of pinball loss
	scored  [experts]float32         // decayed numbers of outcomes behind them
	follow  gain
	over    overshoot
	ring    []moment // of the newest h+1 buckets
}

// begin empties the track. Until errors were seen, they are taken to be those of
// Poisson counts of a minute with some drift.
func (t *track) begin(h int, at int64, mean float64) {
	ring := t.ring
	if cap(ring) < h+1 {
		ring = make([]moment, h+1)
	}
	ring = ring[:h+1]
	clear(ring)
	trees := t.forest
	*t = track{h: h, epoch: at, next: at, ring: ring, forest: trees}
	t.forest.clear()
	sigma := math.Sqrt(2/(60*math.Max(mean, 1e-3)) + 0.0025*float64(h))
	for k := range t.errs {
		t.errs[k].prior(sigma)
	}
}

// fold takes in bucket i.
func (t *track) fold(s *series, i int) {
	winters := s.mean[i]
	if t.hw.ready {
		t.hw.see(s, i)
		winters = t.hw.ahead(s.first+int64(i), t.h)
	}
	t.step(s, i, winters, shaken(s, i, t.shake))
}

// shaken follows the mean step from a bucket's mean to the next one's peak.
func shaken(s *series, i int, shake float32) float32 {
	if !s.whole(i-1, i+1) {
		return shake
	}
	return shakeDecay*shake + (1-shakeDecay)*max(s.peak[i]-s.mean[i-1], s.mean[i-1]-s.peak[i])
}

// step settles what is due at bucket i and guesses anew.
func (t *track) step(s *series, i int, winters, shake float32) {
	t.winters, t.shake = winters, shake
	if j := i - t.h; j >= 0 {
		m := t.at(s.first + int64(j))
		if m.ok && s.whole(j, i+1) {
			came := s.ahead(j, t.h)
			t.over.learn(s, m, j, t.h, came)
			t.settle(m, came)
			if m.mean > softness*came { // a first request after silence says nothing of how load follows its level
				t.follow.learn(s.mean[j+1]-m.y, came-m.middle(), m.unit)
			}
		}
	}
	t.look(s, i, t.at(s.first+int64(i)))
	t.next = s.first + int64(i) + 1
}

// at is the moment of a bucket, one of the newest h+1.
func (t *track) at(number int64) *moment { return &t.ring[number%int64(len(t.ring))] }

// hold is for how many buckets a forecast is remembered: half a horizon.
func (t *track) hold() int { return (t.h + 1) / 2 }

// held is the highest of the remembered forecasts, per quantile: each as high as it
// was shifted while it stood, which is for the bucket after its own.
func (t *track) held(s *series, gain float32) (out [levels]float32) {
	for k := range t.hold() {
		m := t.at(max(t.next-1-int64(k), 0))
		if !m.said {
			continue
		}
		crest := gain * max(s.ahead(s.len()-1-k, 1)-m.y, 0)
		for j, v := range m.out {
			out[j] = max(out[j], v+crest)
		}
	}
	return out
}

// settle scores what was said at a moment against what came, and learns from it.
func (t *track) settle(m *moment, came float32) {
	var q [levels]float32
	mean := max(m.mean, softness*came) // after silence, a loss in units of the day's mean would outweigh all others for days
	for k := range t.errs {
		if g := m.guess[k]; g.known() {
			t.errs[k].around(g, &q)
			t.score(k, &q, came, mean)
			t.errs[k].add(float64((came-g.base)/g.scale), errorGrowth)
		}
	}
	t.reg.around(m, &q)
	t.score(gRegress, &q, came, mean)
	t.reg.learn(&m.z, (came-m.y)/m.unit)
	if m.grown {
		t.score(gForest, &m.forest, came, mean)
	}
	t.seen++
}

// middle is the best single guess of a moment.
func (m *moment) middle() float32 {
	if m.grown {
		return m.forest[midLevel]
	}
	return m.guess[gMean5].base
}

// gain learns what share of a change of level the window maximum follows: the
// decayed regression of what a guess missed on how far the next bucket lay from
// the last. Noise teaches a small one, load that keeps its new level a large one.
type gain struct{ moves, misses, squares, products, n float32 }

func (g *gain) learn(move, miss, unit float32) {
	for _, v := range []struct {
		sum *float32
		x   float32
	}{
		{&g.moves, move / unit},
		{&g.misses, miss / unit},
		{&g.squares, move * move / unit / unit},
		{&g.products, move * miss / unit / unit},
		{&g.n, 1},
	} {
		*v.sum = scoreDecay**v.sum + v.x
	}
}

// share is what was learned, drawn to half by a few imagined buckets.
func (g *gain) share() float64 {
	n := g.n + 1
	variance := g.squares - g.moves*g.moves/n
	shared := g.products - g.moves*g.misses/n
	if !(variance > 0) {
		return usualGain
	}
	prior := variance / n * gainPrior
	return min(max(float64((shared+usualGain*prior)/(variance+prior)), 0), 1)
}

const (
	usualGain = 0.5
	gainPrior = 60 // buckets that usualGain counts as
)
