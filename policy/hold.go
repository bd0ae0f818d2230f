package policy

// ruleHold decides whether the inputs allow lowering at all. Without arrivals,
// with a part missing, or with a variant's replicas unknown, the rules below may
// raise the count and never lower it.
func ruleHold(d *draft) {
	s := d.in.Signals
	switch {
	case !s.Arrivals.Known:
		d.hold = true
		d.step("hold-no-arrivals", total(d.counts), total(d.counts), [4]float64{})
	case s.Partial || deaf(d.in):
		d.hold = true
		d.step("hold-partial", total(d.counts), total(d.counts), [4]float64{float64(len(s.Pods))})
	}
	for i := range d.m.Variants {
		if !supplyOf(d.in, i).Known {
			d.hold = true
			d.variantStep(i, "hold-no-supply", d.counts[i], [4]float64{})
		}
	}
}

// deaf says that replicas serve and not one of them was heard, whatever the
// source says of its data being whole.
func deaf(in Input) bool {
	ready := 0
	for _, s := range in.Supply {
		ready += s.Ready
	}
	for _, p := range in.Signals.Pods {
		if p.Running.Known || p.Pending.Known || p.Completions.Known || p.OutputTokens.Known {
			return false
		}
	}
	return ready > 0
}
