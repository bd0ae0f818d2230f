package policy

// ruleLimits clamps to the configured minimum, while the model is awake, and
// maximum.
func ruleLimits(d *draft) {
	for i, v := range d.m.Variants {
		switch n := d.counts[i]; {
		case n < v.Min && !d.asleep:
			d.variantStep(i, "limit-min", v.Min, [4]float64{float64(n), float64(v.Min)})
		case n > v.Max:
			d.variantStep(i, "limit-max", v.Max, [4]float64{float64(n), float64(v.Max)})
		}
	}
}
