package policy

// orderQuantile is the share of windows whose peak an order covers. At the
// default attainment of 0.99 a missed window costs part of its requests, so 0.95
// of windows is the first honest choice; the newsvendor ratio replaces it.
const orderQuantile = 0.95

// ruleLookAhead makes the order cover the forecast peak until help ordered now
// would be there: max(work now, Q.95 of the peak within the lead).
func ruleLookAhead(d *draft) {
	if !d.f.Known() {
		d.step("forecast-none", 0, 0, [4]float64{})
		return
	}
	lead := Lead(d.m, d.l, d.in)
	peak := d.f.Max(lead, orderQuantile)
	if atZero(d) && d.f.Max(lead, 0.5) <= 0 {
		peak = 0 // spread alone wakes nobody
	}
	d.need = d.need.highest(d.perRequest.scale(peak))
	d.step("forecast-peak", 0, 0, [4]float64{peak, lead.Seconds(), orderQuantile, float64(d.f.Residuals())})
}

// atZero says that nothing is asked for now, and that this is known.
func atZero(d *draft) bool {
	for i := range d.m.Variants {
		if !supplyOf(d.in, i).Known {
			return false
		}
	}
	return total(d.start) == 0
}
