package predictor

import "math"

const (
	overshootLevel    = highLevel + 1 // index of .925, about what an order covers at the usual promise
	overshootHalfLife = day           // buckets in which a window that was exceeded counts half

	// usualOvershoot counts as overshootPrior windows until enough were exceeded: half again as much demand for the
	// whole of a window, or a sixth for a third of it.
	usualOvershoot = 0.5
	overshootPrior = 12

	// mostExcess bounds what one window teaches: what follows silence is beyond any multiple of what was expected.
	mostExcess = 2
)

var overshootDecay = float32(math.Exp2(-1 / float64(overshootHalfLife)))

// overshoot learns how demand exceeds a high quantile of its forecast: by what share of it, and for what share of the
// window. Their ratio says what a replica more would have bought: little where demand is far above, for a moment.
type overshoot struct{ excess, lasted float32 }

// learn takes in what became of the window of h buckets after bucket j.
func (o *overshoot) learn(s *series, m *moment, j, h int, came float32) {
	o.excess *= overshootDecay
	o.lasted *= overshootDecay
	line := m.out[overshootLevel]
	if came <= line {
		return
	}
	o.excess += min((came-line)/(line+softness*m.mean+tiny), mostExcess)
	o.lasted += s.above(line, j+1, j+1+h)
}

// ratio is what was learned, drawn to what is usual while little is known.
func (o *overshoot) ratio() float64 {
	return float64((o.excess + usualOvershoot*overshootPrior) / (o.lasted + overshootPrior))
}

// above is for what share of [from, to) a rate was exceeded: for all of a bucket whose mean is above it, and for a
// quarter of one whose peak alone is.
func (s *series) above(rate float32, from, to int) float32 {
	quarters := 0
	for i := from; i < to; i++ {
		switch {
		case s.mean[i] > rate:
			quarters += 4
		case s.peak[i] > rate:
			quarters++
		}
	}
	return float32(quarters) / float32(4*(to-from))
}
