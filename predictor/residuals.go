package predictor

import "math"

const (
	bins      = 128
	binUnit   = 0.01 // residuals below this are told apart linearly, above it logarithmically
	binWidth  = 0.14 // of asinh(residual/binUnit): about 14 % of a large residual
	priorMass = 20   // observations that the prior counts as
)

// binEdges are the borders of the bins, in scaled residuals: binUnit*sinh(...).
var binEdges = func() (edges [bins + 1]float32) {
	for k := range edges {
		edges[k] = float32(binUnit * math.Sinh(float64(k-bins/2)*binWidth))
	}
	return edges
}()

func binOf(residual float64) int {
	return min(max(int(math.Floor(math.Asinh(residual/binUnit)/binWidth))+bins/2, 0), bins-1)
}

// residuals are the scaled errors that one guess made, as a histogram in which
// old errors fade.
type residuals struct {
	mass  [bins]float32
	unit  float32 // what the newest error weighed
	total float32
}

// prior fills a fresh histogram with a normal distribution of the given spread.
func (r *residuals) prior(sigma float64) {
	*r = residuals{unit: 1}
	below := 0.0
	for k := range r.mass {
		upto := 0.5 * (1 + math.Erf(float64(binEdges[k+1])/(sigma*math.Sqrt2)))
		r.mass[k] = float32(priorMass * (upto - below))
		r.total += r.mass[k]
		below = upto
	}
}

// add counts an error; growth > 1 is how much more each error weighs than the one
// before it, which is how the old ones fade.
func (r *residuals) add(residual float64, growth float32) {
	r.unit *= growth
	if r.unit > 1e6 {
		r.total = 0
		for k := range r.mass {
			r.mass[k] /= r.unit
			r.total += r.mass[k]
		}
		r.unit = 1
	}
	r.mass[binOf(residual)] += r.unit
	r.total += r.unit
}

// quantiles reads the residual at each of Quantiles at the conformal rank
// (n+1)q, linear within a bin.
func (r *residuals) quantiles(out *[levels]float32) {
	k, below := 0, float32(0)
	for j, q := range Quantiles {
		rank := min(float32(q)*(r.total+r.unit), r.total)
		for k < bins-1 && below+r.mass[k] < rank {
			below += r.mass[k]
			k++
		}
		out[j] = binEdges[k]
		if r.mass[k] > 0 {
			out[j] += (binEdges[k+1] - binEdges[k]) * min((rank-below)/r.mass[k], 1)
		}
	}
}

// around are the quantiles of a guess: its point and the residuals in its scale.
func (r *residuals) around(g guess, out *[levels]float32) {
	r.quantiles(out)
	for j, v := range out {
		out[j] = max(g.base+g.scale*v, 0)
	}
}
