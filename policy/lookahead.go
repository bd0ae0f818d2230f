package policy

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

// How many times as often as a request may be missed, a window may be: at an
// attainment of 0.99 an order covers 0.92 of the windows, and what is there is
// kept for 0.94 of them, at the usual overshoot. A window that is missed is missed in part, and what was
// ordered for one stays for the next, so both lie above 1; a replica that is there
// costs no warm-up, so it is kept for what it would not be ordered for. Chosen on
// recorded loads, see docs/policy.md.
const (
	orderShare = 8
	keepShare  = 6
)

// usualOvershoot is that of a window a third of which is a sixth higher than what was to be covered. Half of the ten
// development loads are below it.
const usualOvershoot = 0.5

// mostMissed bounds the share of requests that windows are reckoned with: an order covers 0.4 of them at least.
const mostMissed = 0.075

// windows is the share of windows to cover, from the promised attainment. GPU prices cancel: a
// replica is weighed against the requests that it would have served.
//
// What it would have served depends on how demand exceeds the others. If it does with probability p, by the share e of
// itself in the mean and for the share s of a window, the density there is p/e, and the last replica serves s of it: it
// is worth its price while p s/e is above a constant. So the p to accept grows with the overshoot e/s; with its cube
// root, because counts are whole and windows overlap.
func windows(f *predictor.Forecast, attainment, share float64) float64 {
	missed := max(1-attainment, 0.0005)
	if over := f.Overshoot(); over > 0 {
		missed *= min(max(math.Cbrt(over/usualOvershoot), 0.25), 4)
	}
	return 1 - share*min(missed, mostMissed)
}

// ruleLookAhead makes the order cover the forecast peak until help ordered now
// would be there: order layer n iff demand exceeds what n-1 carry in more windows
// than may be missed.
func ruleLookAhead(d *draft) {
	if !d.f.Known() {
		d.step("forecast-none", 0, 0, [4]float64{})
		return
	}
	lead, share := d.lead(), windows(&d.f, d.m.SLO.Attainment, orderShare)
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
	if usual := windows(&predictor.Forecast{}, d.m.SLO.Attainment, orderShare); math.Abs(share-usual) >= shareWorthSaying {
		d.step("forecast-overshoot", 0, 0, [4]float64{share, usual, d.f.Overshoot(), usualOvershoot})
	}
	d.step("forecast-peak", 0, 0, [4]float64{peak, lead.Seconds(), share, float64(d.f.Residuals())})
}

// shareWorthSaying is the least difference between the share of windows covered and the usual one that a sentence is made of.
const shareWorthSaying = 0.005

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
