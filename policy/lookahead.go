package policy

import "time"

// How many times as often as a request may be missed, a window may be: at an
// attainment of 0.99 an order covers 0.925 of the windows, and what is there is
// kept for 0.94 of them. A window that is missed is missed in part, and what was
// ordered for one stays for the next, so both lie above 1; a replica that is there
// costs no warm-up, so it is kept for what it would not be ordered for. Chosen on
// recorded loads, see docs/policy.md.
const (
	orderShare = 7.5
	keepShare  = 6
)

// windows is the share of windows to cover, from the promised attainment. GPU prices cancel: a
// replica is weighed against the requests that it would have served.
func windows(attainment, share float64) float64 {
	return 1 - share*min(max(1-attainment, 0.0005), 0.08)
}

// ruleLookAhead makes the order cover the forecast peak until help ordered now
// would be there: order layer n iff demand exceeds what n-1 carry in more windows
// than may be missed.
func ruleLookAhead(d *draft) {
	if !d.f.Known() {
		d.step("forecast-none", 0, 0, [4]float64{})
		return
	}
	lead, share := d.lead(), windows(d.m.SLO.Attainment, orderShare)
	peak := d.f.Max(lead, share)
	if atZero(d) && !d.expects(lead) {
		peak = 0 // spread alone wakes nobody
	}
	d.ahead = d.perRequest.scale(peak)
	d.need = d.need.highest(d.ahead)
	if times := d.f.Event(); times > 0 {
		d.step("forecast-event", 0, 0, [4]float64{times, d.f.Max(lead, 0.5), lead.Seconds()})
	}
	if usual := d.f.Max(lead, 0.5); d.risesTo(usual, lead) {
		d.rise = usual
		d.step("forecast-rise", 0, 0, [4]float64{d.f.Level(), usual, lead.Seconds()})
	}
	d.step("forecast-peak", 0, 0, [4]float64{peak, lead.Seconds(), share, float64(d.f.Residuals())})
}

// risesTo says that a season lets demand grow, and not that a window's highest rate
// is above its last: it is above the highest of as long a window before, too.
func (d *draft) risesTo(usual float64, lead time.Duration) bool {
	before, known := d.f.Past(lead)
	return d.f.Seasonal() && usual > riseWorthSaying*d.f.Level() && known && usual > before
}

// riseWorthSaying is the least expected growth within one lead that a sentence is
// made of.
const riseWorthSaying = 1.1

// atZero says that nothing is asked for now, and that this is known.
func atZero(d *draft) bool {
	for i := range d.m.Variants {
		if !supplyOf(&d.in, i).Known {
			return false
		}
	}
	return total(d.start) == 0
}
