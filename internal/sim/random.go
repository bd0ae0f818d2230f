package sim

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// source returns a generator for one purpose of one seed; different purposes are independent.
func source(seed, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed), mix(seed^mix(purpose))))
}

// mix is the SplitMix64 finaliser: it spreads neighbouring integers over all 64 bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// gammaUnit draws from a gamma distribution of mean 1 and the given shape: variance 1/shape.
// Method: Marsaglia and Tsang (2000); shapes below 1 are boosted by a power of a uniform.
func gammaUnit(rng *rand.Rand, shape float64) float64 {
	if shape == 1 {
		return rng.ExpFloat64()
	}
	k, boost := shape, 1.0
	if k < 1 {
		boost = math.Pow(1-rng.Float64(), 1/k)
		k++
	}
	d := k - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		u := 1 - rng.Float64()
		if u < 1-0.0331*x*x*x*x || math.Log(u) < 0.5*x*x+d*(1-v+math.Log(v)) {
			return boost * d * v / shape
		}
	}
}

// lognormal draws from a lognormal distribution with the given mean; sigma is that of the logarithm.
func lognormal(rng *rand.Rand, mean, sigma float64) float64 {
	if sigma == 0 {
		return mean
	}
	return mean * math.Exp(sigma*rng.NormFloat64()-sigma*sigma/2)
}

// noise is a standard normal value fixed by a seed and an integer, for values that must be the same
// whichever is asked first (Box-Muller on two hashed uniforms).
func noise(seed uint64, i int64) float64 {
	h := mix(seed ^ mix(uint64(i)))
	u := (float64(h>>11) + 0.5) / (1 << 53)
	v := float64(mix(h)>>11) / (1 << 53)
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
}

// hashName is the FNV-1a hash of a name.
func hashName(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return h.Sum64()
}
