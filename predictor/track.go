package predictor

import "math"

// levels is how many quantiles are forecast.
const levels = 16

const (
	midLevel  = 2 // index of .5
	highLevel = 8 // index of .9
)

// Quantiles are the columns of every forecast grid.
var Quantiles = []float64{
	0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998,
}

// tuning is for research.
type Tuning struct {
	ResHalf                     [points]float64 // minutes
	LossHalf                    float64
	Sharp                       float64
	Off                         [experts]bool
	ShakeHalf                   float64
	Walk                        int
	Trees, Leaves, MinLeaf, Try int
	MinDays                     float64
	Holdout                     int
}

var Tune = Tuning{LossHalf: 720, Sharp: 10, ShakeHalf: 60, Walk: 2 * day, Trees: 20, Leaves: 128, MinLeaf: 25, Try: 10, MinDays: 2, Holdout: day}

func init() {
	for k := range Tune.ResHalf {
		Tune.ResHalf[k] = 720
	}
}

// track is the fold over closed buckets for one horizon: what every guess was
// wrong by, and how good it was. Its state after bucket n is a function of the
// buckets alone.
type track struct {
	h       int   // horizon in buckets
	epoch   int64 // bucket at which this state was begun
	next    int64 // number of the first bucket not folded
	shake   float32
	calm    float32
	winters float32
	hw      winters
	reg     regression
	errs    [points]residuals
	loss    [experts][levels]float32
	scored  [experts]float32 // decayed number of scores behind loss
	ring    []moment
	forest  forest
	season bool // a day or week recurs
	seen    int
}

// begin empties the track.
func (t *track) begin(h int, at int64, mean float64) {
	ring := resize(t.ring, h+1)
	clear(ring)
	f := t.forest
	*t = track{h: h, epoch: at, next: at, ring: ring, calm: 1, forest: f}
	t.forest.clear()
	sigma := math.Sqrt(2/(60*math.Max(mean, 1e-3)) + 0.0025*float64(h)) // Poisson counts of a minute, and drift
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
	shake := t.shake
	if s.whole(i-1, i+1) {
		d := float32(math.Exp2(-1 / Tune.ShakeHalf))
		shake = d*t.shake + (1-d)*abs(s.peak[i]-s.mean[i-1])
	}
	t.step(s, i, winters, shake)
}

// step settles what is due at bucket i and guesses anew.
func (t *track) step(s *series, i int, winters, shake float32) {
	t.winters, t.shake = winters, shake
	if j := i - t.h; j >= 0 {
		m := t.at(s.first + int64(j))
		if m.ok && s.whole(j, i+1) {
			t.settle(m, s.ahead(j, t.h))
		}
	}
	t.look(s, i, t.at(s.first+int64(i)))
	t.next = s.first + int64(i) + 1
}

// at is the moment of a bucket, one of the newest h+1.
func (t *track) at(number int64) *moment { return &t.ring[number%int64(len(t.ring))] }

// hold is for how many buckets a forecast is remembered: half a horizon.
func (t *track) hold() int { return (t.h + 1) / 2 }

// held is the highest of the remembered forecasts, per quantile.
func (t *track) held() (out [levels]float32) {
	for k := range t.hold() {
		if m := t.at(max(t.next-1-int64(k), 0)); m.said {
			for j, v := range m.out {
				out[j] = max(out[j], v)
			}
		}
	}
	return out
}

func abs(x float32) float32 { return max(x, -x) }

// settle scores what was said at a moment against what came.
func (t *track) settle(m *moment, came float32) {
	var spread, q [levels]float32
	for k := range t.errs {
		g := m.guess[k]
		if !g.known() {
			continue
		}
		t.errs[k].quantiles(&spread)
		for j := range q {
			q[j] = max(g.base+g.scale*spread[j], 0)
		}
		t.score(k, &q, came, m.mean)
		t.errs[k].add(float64((came-g.base)/g.scale), float32(math.Exp2(1/Tune.ResHalf[k])))
	}
	t.reg.predict(&m.z, &q)
	for j := range q {
		q[j] = max(m.y+m.unit*q[j], 0)
	}
	t.score(gRegress, &q, came, m.mean)
	t.reg.learn(&m.z, (came-m.y)/m.unit)
	if m.grown {
		t.score(gForest, &m.forest, came, m.mean)
	}
	t.seen++
}

// score books the pinball loss, relative to the mean level. An expert that joins
// late begins with the mean loss of the others, and has to earn more.
func (t *track) score(k int, q *[levels]float32, came, mean float32) {
	d := float32(math.Exp2(-1 / Tune.LossHalf))
	if t.scored[k] == 0 {
		t.join(k)
	}
	t.scored[k] = d*t.scored[k] + 1
	for j, p := range Quantiles {
		e := came - q[j]
		l := float32(p) * e
		if e < 0 {
			l -= e
		}
		t.loss[k][j] = d*t.loss[k][j] + l/(mean+1e-9)
	}
}

func (t *track) join(k int) {
	n, most := float32(0), float32(0)
	for o := range t.scored {
		if t.scored[o] > 0 {
			n++
			most = max(most, t.scored[o])
			for j := range t.loss[o] {
				t.loss[k][j] += t.loss[o][j] / t.scored[o]
			}
		}
	}
	for j := range t.loss[k] {
		t.loss[k][j] *= most / max(n, 1)
	}
	t.scored[k] = most
}

// blend mixes what the experts say of a moment, each quantile with weights of its
// own: exp(-sharp(L/Lbest - 1)) of the decayed pinball loss L.
func (t *track) blend(m *moment, out *[levels]float32) {
	var said [experts][levels]float32
	var in [experts]bool
	for k := range t.errs {
		if g := m.guess[k]; g.known() && !Tune.Off[k] {
			t.errs[k].quantiles(&said[k])
			for j := range said[k] {
				said[k][j] = max(g.base+g.scale*said[k][j], 0)
			}
			in[k] = t.scored[k] > 0 || t.seen == 0
		}
	}
	if t.scored[gRegress] > 0 && !Tune.Off[gRegress] {
		t.reg.predict(&m.z, &said[gRegress])
		for j := range said[gRegress] {
			said[gRegress][j] = max(m.y+m.unit*said[gRegress][j], 0)
		}
		in[gRegress] = true
	}
	if m.grown && !Tune.Off[gForest] && t.scored[gForest] > 0 {
		said[gForest], in[gForest] = m.forest, true
	}
	for j := range out {
		best := float32(math.Inf(1))
		for k := range said {
			if in[k] && t.scored[k] > 0 {
				best = min(best, t.loss[k][j]/t.scored[k])
			}
		}
		sum, total := 0.0, 0.0
		for k := range said {
			if !in[k] {
				continue
			}
			w := 1.0
			if t.scored[k] > 0 && best > 0 {
				w = math.Exp(-Tune.Sharp * float64(t.loss[k][j]/t.scored[k]/best-1))
			}
			sum, total = sum+w*float64(said[k][j]), total+w
		}
		out[j] = float32(sum / total)
		if m.silent && j <= midLevel {
			out[j] = 0 // the middle of what may come is silence; the tail is not
		}
		if j > 0 {
			out[j] = max(out[j], out[j-1])
		}
	}
}
