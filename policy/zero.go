package policy

import "time"

// MinIdle is the shortest idle window before zero: a rate that is zero over its
// window proves no less than that window.
const MinIdle = rateWindow

// IdleAfter is the full idle window that must be proven before zero: as configured,
// else learned from the gaps between work (see idleTimeout), then never below MinIdle.
func IdleAfter(m Model, l Learned, in Input) time.Duration {
	return idleAfter(&m, &l, lead(&m, &l, &in))
}

func idleAfter(m *Model, l *Learned, lead time.Duration) time.Duration {
	if m.Idle.After > 0 {
		return m.Idle.After
	}
	return idleTimeout(l.Gaps, lead+m.Idle.RestartCost)
}

// ruleZero lets all replicas go at once if zero is allowed and proven, and else keeps the
// last one. Proven: a demand source exists at zero replicas, every source expected showed
// nothing for the whole idle window, and the forecast expects nothing within the lead (see
// expects). That many are there is no reason to stay: they cost as many times as much. At
// zero it wakes on work, and blind it does what idle.onBlind says. A variant's minimum
// holds while the model is awake.
func ruleZero(d *draft) {
	switch {
	case atZero(d) && total(d.counts) == 0 && total(d.floors) == 0:
		d.stayOrWake(d.census.queued)
	case d.mayZero():
		d.asleep, d.proven = true, true
		for i := range d.counts {
			if d.counts[i] > 0 {
				d.variantStep(i, "zero", 0, [4]float64{d.idle().Seconds()})
			}
		}
	case total(d.counts) == 0:
		d.wake("keep-one", [4]float64{})
	}
}

// stayOrWake decides at zero replicas.
func (d *draft) stayOrWake(waiting float64) {
	switch {
	case waiting > 0 || d.in.Signals.Arrivals.Value > 0:
		d.wake("wake-work", [4]float64{waiting, d.in.Signals.Arrivals.Value})
	case d.hold && d.m.Idle.OnBlind == BlindOne:
		d.wake("wake-blind", [4]float64{})
	case d.hold:
		d.asleep = d.m.Idle.ToZero
		d.step("stay-blind", 0, 0, [4]float64{})
	default:
		d.asleep, d.proven = d.m.Idle.ToZero, provenIdle(&d.m, &d.in, &d.census)
		d.step("stay-zero", 0, 0, [4]float64{d.idle().Seconds()})
	}
}

// idle is for how long idleness has been proven; nothing at the first look.
func (d *draft) idle() time.Duration {
	if d.l.LastBusy.IsZero() {
		return 0
	}
	return d.in.Now.Sub(d.l.LastBusy)
}

// mayZero says that zero is allowed, safe to leave again, and proven.
func (d *draft) mayZero() bool {
	if d.hold || d.stuck() || !d.m.Idle.ToZero || !d.m.Gateway || !provenIdle(&d.m, &d.in, &d.census) ||
		!d.f.Known() { // of which nothing is known, something may be expected
		return false
	}
	idle := d.idle()
	if d.l.LastBusy.IsZero() || idle < idleAfter(&d.m, &d.l, d.lead()) {
		return false // a model that was never looked at before has proven nothing
	}
	lead := d.lead()
	if d.expects(lead) {
		here := total(d.counts)
		d.step("keep-expected", here, here, [4]float64{idle.Seconds(), d.f.Max(lead, 0.5), lead.Seconds()})
		return false
	}
	return true
}

// leastExpected is how many requests within a lead the median of a forecast must come
// to, to be an expectation: fewer than half a one is none.
const leastExpected = 0.5

// expects says that the forecast knows of work within a lead: a season or a configured
// event announces it, or it comes already. Without these a forecast above a level of
// zero only tells that the level was higher lately, for half an hour and longer, and
// how long to wait after that is for the idle window to say.
func (d *draft) expects(lead time.Duration) bool {
	announced := d.f.Seasonal() || d.f.Event() > 0 || d.f.Level() > 0
	return announced && d.f.Max(lead, 0.5)*lead.Seconds() >= leastExpected
}

// wake asks for one replica of the most preferred variant that may have one.
func (d *draft) wake(why WhyCode, args [4]float64) {
	for _, i := range d.order {
		if d.m.Variants[i].Max > 0 {
			d.variantStep(i, why, 1, args)
			return
		}
	}
}

// quietInTheDark says that, for all that is known, the model sleeps and nothing seen
// asks for a replica. Where replicas are unknown what is wanted then is the minimum,
// or one, and that is a guess: the last decision knows better (see Decision.keep).
func (d *draft) quietInTheDark() bool {
	if !d.hold || !d.m.Idle.ToZero || d.m.Idle.OnBlind == BlindOne || d.need != (Work{}) || total(d.floors) > 0 {
		return false
	}
	for i := range d.m.Variants {
		if s := supplyOf(&d.in, i); s.Known && s.Spec > 0 {
			return false
		}
	}
	return d.census.queued == 0 && d.in.Signals.Arrivals.Value == 0
}
