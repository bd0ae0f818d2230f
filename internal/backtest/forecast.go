package backtest

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/predictor"
)

// Card is a forecaster's score.
type Card = predictor.Card

// ForecastRow is how well one forecaster foresaw the peak of demand within the lead. Errors are shares of the mean
// peak.
type ForecastRow struct {
	Name string `json:"name"` // forewarm or last-value
	Doc  string `json:"doc"`
	Card Card   `json:"score"`
}

// forecasts scores Forewarm's forecaster and the simplest one, from a rolling origin, on everything after the
// burn-in. Nothing if no window of the history is whole.
func (h *History) forecasts(burnIn time.Duration) []ForecastRow {
	var samples []predictor.Sample
	for k, r := range h.Rate {
		if !math.IsNaN(r) {
			samples = append(samples, predictor.Sample{At: h.Begin.Add(time.Duration(k) * h.Step), Rate: r})
		}
	}
	lead := policy.Lead(h.Model, h.Learned, policy.Input{})
	var out []ForecastRow
	for _, f := range []struct {
		name, doc string
		source    predictor.Source
	}{
		{"forewarm", "Forewarm's own", predictor.NewForecaster(nil, 0)},
		{"last-value", "demand stays as it is, give or take the errors of a day", predictor.LastValue{}},
	} {
		if c := predictor.Score(f.source, samples, lead, h.Begin.Add(burnIn)); c.Origins > 0 {
			out = append(out, ForecastRow{f.name, f.doc, c})
		}
	}
	return out
}
