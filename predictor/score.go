package predictor

import (
	"math"
	"time"
)

// Source makes forecasts from a history for ascending horizons.
type Source interface {
	Forecast(h *History, at time.Time, horizons []time.Duration) Forecast
}

// Sample is a rate that was seen, in requests per second.
type Sample struct {
	At   time.Time
	Rate float64
}

// Card says how good forecasts of the window maximum were. Errors are relative to
// the mean maximum, so that series can be compared.
type Card struct {
	Horizon  time.Duration `json:"horizon"` // nanoseconds
	Origins  int           `json:"origins"` // forecasts scored
	Mean     float64       `json:"mean"`    // of the window maximum, requests per second
	MAE      float64       `json:"mae"`     // mean absolute error of the median / Mean
	Quantile []float64     `json:"quantile"`
	Pinball  []float64     `json:"pinball"`  // mean pinball loss / Mean, per quantile
	Coverage []float64     `json:"coverage"` // share of maxima at or below, per quantile; right = the quantile
}

// Score lets a source forecast from a rolling origin, once per closed bucket, and
// compares what it said, shifted to the newest sample, with the highest sample within the horizon after it. The
// source sees nothing of what it is scored on. Origins before a moment are not
// asked for, nor those whose window holds a pause longer than MaxLevelAge or is
// not over when the samples end.
func Score(f Source, samples []Sample, horizon time.Duration, from time.Time) Card {
	c := Card{
		Horizon: horizon, Quantile: append([]float64(nil), Quantiles...),
		Pinball: make([]float64, levels), Coverage: make([]float64, levels),
	}
	h := NewHistory(DefaultStep, 14*24*time.Hour)
	for i, s := range samples {
		if !h.Add(s.At, s.Rate) || s.At.Before(from) {
			continue
		}
		most, ok := highestWithin(samples[i:], horizon)
		if !ok {
			continue
		}
		if forecast := f.Forecast(h, s.At, []time.Duration{horizon}); forecast.Known() {
			c.add(forecast.Shifted(s.Rate, s.Rate), horizon, most)
		}
	}
	c.finish()
	return c
}

// highestWithin is the highest of the samples after the first within h of it;
// false if they end or pause before.
func highestWithin(samples []Sample, h time.Duration) (float64, bool) {
	most, end := 0.0, samples[0].At.Add(h)
	for i := 1; i < len(samples); i++ {
		if samples[i].At.Sub(samples[i-1].At) > MaxLevelAge {
			return 0, false
		}
		if samples[i].At.After(end) {
			return most, true
		}
		most = math.Max(most, samples[i].Rate)
	}
	return 0, false
}

func (c *Card) add(f Forecast, h time.Duration, came float64) {
	c.Origins++
	c.Mean += came
	for j, q := range c.Quantile {
		e := came - f.Max(h, q)
		if e <= 0 {
			c.Coverage[j]++
			e /= -1 / (1 - q)
		} else {
			e *= q
		}
		c.Pinball[j] += e
	}
	c.MAE += math.Abs(came - f.Max(h, 0.5))
}

func (c *Card) finish() {
	n := math.Max(float64(c.Origins), 1)
	sum := math.Max(c.Mean, 1e-9)
	c.MAE /= sum
	for j := range c.Pinball {
		c.Pinball[j] /= sum
		c.Coverage[j] /= n
	}
	c.Mean /= n
}

// At is the pinball loss and the coverage of one of Quantiles; zero of others.
func (c Card) At(q float64) (pinball, coverage float64) {
	for j, have := range c.Quantile {
		if have == q {
			return c.Pinball[j], c.Coverage[j]
		}
	}
	return 0, 0
}
