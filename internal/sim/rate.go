package sim

import (
	"math"
	"time"
)

// Purposes of random numbers: one stream each, so that a change to one does not move the others.
const (
	purposeArrivals = iota + 1
	purposeCrowds
	purposeWander
	purposeWarmUp
	purposeNames
	purposeSpot
	purposeService
	purposeClients
	purposeSessions
	purposeFaults
	purposeVisits
	purposeReplica
)

const (
	daySeconds    = 86_400
	wanderSeconds = 900 // distance of the knots of the slow wander
)

// Rate is the true arrival rate in requests per second at a moment, before burstiness:
//
//	PeakRate * day(t) * week(t) * (1+TrendPerDay)^days * wander(t) * crowds(t)
//
// and nothing outside of visits, where there are any. The day is a von Mises bump around PeakHour, scaled to
// run from Trough to 1. The wander is lognormal with a knot each 15 minutes and straight lines between their
// logarithms. It is a pure function of the seed and t, safe for concurrent use.
func (w *Workload) Rate(t time.Time) float64 { return w.rate(t.Sub(w.cfg.Start).Seconds()) }

func (w *Workload) rate(s float64) float64 {
	c := &w.cfg
	if s < 0 {
		return 0
	}
	if w.series != nil {
		return w.series.rate(s)
	}
	sinceMidnight := w.midnight + s
	hour := math.Mod(sinceMidnight, daySeconds) / 3600
	rate := c.PeakRate * w.day(hour)
	if c.Weekend != 1 {
		if d := (w.weekday + int(sinceMidnight/daySeconds)) % 7; d == 0 || d == 6 {
			rate *= c.Weekend
		}
	}
	if c.TrendPerDay != 0 {
		rate *= math.Pow(1+c.TrendPerDay, s/daySeconds)
	}
	if c.Wander > 0 {
		rate *= w.wander(s)
	}
	if c.Crowds.PerDay > 0 {
		rate *= w.crowds(s)
	}
	if c.Visits.PerDay > 0 && !w.visited(s) {
		return 0
	}
	return rate
}

func (w *Workload) day(hour float64) float64 {
	c := &w.cfg
	if c.Sharpness == 0 {
		return 1
	}
	low := math.Exp(-2 * c.Sharpness)
	bump := math.Exp(c.Sharpness * (math.Cos(2*math.Pi*(hour-c.PeakHour)/24) - 1))
	return c.Trough + (1-c.Trough)*(bump-low)/(1-low)
}

func (w *Workload) wander(s float64) float64 {
	at := s / wanderSeconds
	knot := math.Floor(at)
	seed := w.cfg.Seed ^ mix(purposeWander)
	a, b := noise(seed, int64(knot)), noise(seed, int64(knot)+1)
	return math.Exp(w.cfg.Wander * (a + (b-a)*(at-knot)))
}

// crowds is the product of the flash crowds under way: each rises in a straight line to its factor,
// stays, and leaves again as it came.
func (w *Workload) crowds(s float64) float64 {
	factor := 1.0
	c := w.cfg.Crowds
	rise, length := c.Rise.Seconds(), c.Length.Seconds()
	today := int64(s / daySeconds)
	for d := max(0, today-1); d <= today; d++ {
		rng := source(w.cfg.Seed^mix(uint64(d)), purposeCrowds)
		for range poisson(rng.Float64(), c.PerDay) {
			since := s - (float64(d)+rng.Float64())*daySeconds
			size := 1 + (c.Factor-1)*(0.5+rng.Float64())
			if since < 0 || since > length {
				continue
			}
			edge := 1.0
			if rise > 0 {
				edge = min(1, since/rise, (length-since)/rise)
			}
			factor *= 1 + (size-1)*edge
		}
	}
	return factor
}

// visited says whether a sparse tenant is there.
func (w *Workload) visited(s float64) bool {
	today := int64(s / daySeconds)
	for d := max(0, today-1); d <= today; d++ {
		rng := source(w.cfg.Seed^mix(uint64(d)), purposeVisits)
		for range poisson(rng.Float64(), w.cfg.Visits.PerDay) {
			since := s - (float64(d)+rng.Float64())*daySeconds
			length := w.cfg.Visits.Length.Seconds() * (0.5 + rng.Float64())
			if since >= 0 && since <= length {
				return true
			}
		}
	}
	return false
}

// poisson is the quantile u of a Poisson distribution, by summing its probabilities.
func poisson(u, mean float64) int {
	p := math.Exp(-mean)
	n, sum := 0, p
	for u > sum && n < 100 {
		n++
		p *= mean / float64(n)
		sum += p
	}
	return n
}
