package predictor

import "math"

// inputs is how many inputs the regression has.
const inputs = 9

// regression is a linear quantile regression per quantile, learned online by the
// subgradient of the pinball loss with AdaGrad steps (Koenker and Bassett 1978;
// Duchi et al. 2011). Inputs and output are in units of the guess's scale.
type regression struct {
	weight [levels][inputs]float32
	square [levels][inputs]float32 // sums of squared gradients
}

const learningRate = 0.02

func (r *regression) predict(z *[inputs]float32, out *[levels]float32) {
	for j := range r.weight {
		w, sum := &r.weight[j], float32(0)
		for k, x := range z {
			sum += w[k] * x
		}
		out[j] = sum
	}
}

// learn steps towards the outcome y of inputs z.
func (r *regression) learn(z *[inputs]float32, y float32) {
	var guess [levels]float32
	r.predict(z, &guess)
	for j, q := range Quantiles {
		slope := -float32(q)
		if guess[j] > y {
			slope = 1 - float32(q)
		}
		w, g := &r.weight[j], &r.square[j]
		for k, x := range z {
			d := slope * x
			g[k] += d * d
			if g[k] > 0 {
				w[k] -= learningRate * d / float32(math.Sqrt(float64(g[k])))
			}
		}
	}
}

// around are the quantiles of a moment.
func (r *regression) around(m *moment, out *[levels]float32) {
	r.predict(&m.z, out)
	for j, v := range out {
		out[j] = max(m.y+m.unit*v, 0)
	}
}
