package fluid

import (
	"github.com/forewarm/forewarm/internal/engine"
)

// ofSpread says what the product's headroom is.
const ofSpread = "share of what the forecast expects above the present level; see Spread"

// spreads are the headrooms of the product; 1 is the product as it is.
var spreads = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.5, 2}

// Products is the real product in the ways it may be set up, as policies of a yardstick.
func Products() []Policy {
	known := Product{Headroom: 1, WarmUpKnown: true}
	return []Policy{
		product("forewarm", "Forewarm, capacity and warm-up configured", known),
		{
			Name: "forewarm-oracle", Doc: "the same with a forecast that is never wrong",
			Headroom: ofSpread, Grid: spreads, Default: 1,
			On: func(c *Course) func(float64) Scaler {
				return func(share float64) Scaler { return withSpread(c, known, Oracle{Course: c}, share) }
			},
		},
		product("forewarm-learned", "Forewarm, nothing configured, its capacity prior right", Product{Prior: 1}),
		product("forewarm-learned-half", "the same, prior half the truth", Product{Prior: 0.5}),
		product("forewarm-learned-double", "the same, prior twice the truth", Product{Prior: 2}),
	}
}

// product is one set-up. Its forecasts are shared with all that see the same arrivals.
func product(name, doc string, p Product) Policy {
	return Policy{
		Name: name, Doc: doc, Headroom: ofSpread, Grid: spreads, Default: 1,
		On: func(c *Course) func(float64) Scaler {
			return func(share float64) Scaler { return withSpread(c, p, c.memo(p.unit(c)), share) }
		},
	}
}

func withSpread(c *Course, p Product, f engine.Forecaster, share float64) Scaler {
	p.Forecaster = Spread{Forecaster: f, Share: share}
	return NewForewarm(c, p)
}
