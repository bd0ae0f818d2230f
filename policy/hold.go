package policy

// ruleHold decides whether the inputs allow lowering at all. Without arrivals,
// with a part missing, or with a variant's replicas unknown, the rules below may
// raise the count and never lower it.
func ruleHold(d *draft) {
	s := &d.in.Signals
	switch {
	case !s.Arrivals.Known:
		d.hold = true
		d.step("hold-no-arrivals", total(d.counts), total(d.counts), [4]float64{})
	case s.Partial || d.deaf():
		d.hold = true
		d.step("hold-partial", total(d.counts), total(d.counts), [4]float64{float64(len(s.Pods))})
	}
	for i := range d.m.Variants {
		if !supplyOf(&d.in, i).Known {
			d.hold = true
			d.variantStep(i, "hold-no-supply", d.counts[i], [4]float64{})
		}
	}
}

// deaf says that replicas serve and not one of them was heard, whatever the
// source says of its data being whole.
func (d *draft) deaf() bool {
	ready := 0
	for i := range d.in.Supply {
		ready += d.in.Supply[i].Ready
	}
	return ready > 0 && !d.census.heard
}
