package predictor

import "math"

// score books the pinball loss of an expert, relative to a mean level.
func (t *track) score(k int, q *[levels]float32, came, mean float32) {
	if t.scored[k] == 0 {
		t.join(k)
	}
	t.scored[k] = scoreDecay*t.scored[k] + 1
	for j, p := range Quantiles {
		e := came - q[j]
		l := float32(p) * e
		if e < 0 {
			l -= e
		}
		t.loss[k][j] = scoreDecay*t.loss[k][j] + l/(mean+tiny)
	}
}

// join lets an expert begin late: with the mean loss of the others, so that it has
// to earn its weight.
func (t *track) join(k int) {
	n, most := float32(0), float32(0)
	for o, scored := range t.scored {
		if scored > 0 {
			n, most = n+1, max(most, scored)
			for j, l := range t.loss[o] {
				t.loss[k][j] += l / scored
			}
		}
	}
	for j := range t.loss[k] {
		t.loss[k][j] *= most / max(n, 1)
	}
	t.scored[k] = most
}

// opinions is what every expert says of a moment.
type opinions struct {
	said [experts][levels]float32
	in   [experts]bool
}

// blend mixes what the experts say of a moment, each quantile with weights of its
// own: exp(-sharpness(L/Lbest - 1)) of the decayed pinball losses L.
func (t *track) blend(m *moment, o *opinions) {
	t.ask(m, o)
	t.mix(m, o)
}

// mix blends the opinions that are in.
func (t *track) mix(m *moment, o *opinions) {
	for j := range m.out {
		best := math.Inf(1)
		for k, in := range o.in {
			if in && t.scored[k] > 0 {
				best = min(best, t.mean(k, j))
			}
		}
		sum, total := 0.0, 0.0
		for k, in := range o.in {
			if !in {
				continue
			}
			w := 1.0
			if t.scored[k] > 0 && best > 0 {
				w = math.Exp(-sharpness * (t.mean(k, j)/best - 1))
			}
			sum, total = sum+w*float64(o.said[k][j]), total+w
		}
		m.out[j] = float32(sum / total)
		if m.silent && j <= midLevel {
			m.out[j] = 0 // the middle of what may come is silence; the tail is not
		}
		if j > 0 {
			m.out[j] = max(m.out[j], m.out[j-1])
		}
	}
	m.said = true
}

// mean is the decayed mean loss of an expert at a quantile.
func (t *track) mean(k, j int) float64 { return float64(t.loss[k][j] / t.scored[k]) }

// ask collects the opinions on a moment. Before any outcome all guesses count
// alike; afterwards those that were scored.
func (t *track) ask(m *moment, o *opinions) {
	o.in = [experts]bool{}
	for k := range t.errs {
		if g := m.guess[k]; g.known() && (t.scored[k] > 0 || t.seen == 0) {
			t.errs[k].around(g, &o.said[k])
			o.in[k] = true
		}
	}
	if t.scored[gRegress] > 0 {
		t.reg.around(m, &o.said[gRegress])
		o.in[gRegress] = true
	}
	if m.grown && t.scored[gForest] > 0 {
		o.said[gForest], o.in[gForest] = m.forest, true
	}
}
