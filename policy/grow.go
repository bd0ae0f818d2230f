package policy

// ruleGrow adds replicas, most preferred variant first, until what is needed is
// carried or every variant is at its maximum. What the cluster already asked for
// counts, starting or not, so nothing is ordered twice.
func ruleGrow(d *draft) {
	before := append(d.before[:0], d.counts...)
	d.before = before
	for !covered(d.caps, d.usable(d.counts), d.need) {
		i := d.nextToAdd()
		if i < 0 {
			break
		}
		d.counts[i]++
	}
	for i := range d.counts {
		if to := d.counts[i]; to != before[i] {
			d.counts[i] = before[i]
			d.sayGrow(i, to)
		}
	}
	if missing := shortfall(d.caps, d.usable(d.counts), d.need); missing > 1e-9 {
		d.step("short", total(d.counts), total(d.counts), [4]float64{missing})
	}
}

// sayGrow grows variant i and says what for: ahead of an expected rise, if the forecast
// asks for all of it and what arrives now would fit.
func (d *draft) sayGrow(i, to int) {
	if d.rise > 0 && d.need == d.ahead && covered(d.caps, d.usable(d.counts), d.now) {
		d.variantStep(i, "grow-ahead", to, [4]float64{d.f.Level(), d.rise, d.lead().Seconds(), d.need.Requests})
		return
	}
	d.variantStep(i, "grow", to, [4]float64{
		d.need.OutputTokens, d.need.Requests, d.caps[i].OutputTokens, d.caps[i].carries(d.perRequest),
	})
}

// usable are, of so many replicas asked for, those that can be expected to serve: a
// starved one (no node took its pod for long, or it was given none) serves nobody,
// and no more come while there are such. They are good until the next call.
func (d *draft) usable(counts []int) []int {
	out := append(d.served[:0], counts...)
	for i := range out {
		if n := d.starved(i); n > 0 {
			out[i] = min(out[i], max(supplyOf(&d.in, i).Spec-n, 0))
		}
	}
	d.served = out
	return out
}

// nextToAdd is the most preferred variant that may grow and is not starved; -1
// if there is none. A starved variant is not asked for more: nodes or leave are lacking.
func (d *draft) nextToAdd() int {
	for _, i := range d.order {
		if d.counts[i] < d.m.Variants[i].Max && d.starved(i) == 0 {
			return i
		}
	}
	return -1
}
