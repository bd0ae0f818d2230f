package fluid

// What the headrooms of the product are: the promise that an operator configures, and for a forecast that is never
// wrong, on which a promise has no bearing, the share of it that is passed on.
const (
	ofPromise = "share of requests that is promised to meet the SLO (slo.attainment)"
	ofSpread  = "share of what the forecast expects above the present level; see Spread"
)

// promises are the headrooms of the product; its default is between them.
var promises = []float64{
	0.95, 0.96, 0.97, 0.975, 0.98, 0.9825, 0.985, 0.9875, usualAttainment, 0.9925, 0.995, 0.9975, 0.999,
}

// spreads are those of the oracle; 1 is all of its forecast.
var spreads = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.5, 2}

// Products is the real product in the ways it may be set up, as policies of a yardstick.
func Products() []Policy {
	known := Product{Headroom: 1, WarmUpKnown: true}
	plainly := known
	plainly.Plain = true
	return []Policy{
		product("forewarm", "Forewarm, capacity and warm-up configured", known),
		{
			Name: "forewarm-oracle", Doc: "the same with a forecast that is never wrong",
			Headroom: ofSpread, Grid: spreads, Default: 1,
			On: func(c *Course) func(float64) Scaler {
				return func(share float64) Scaler {
					p := known
					p.Forecaster = Spread{Forecaster: Oracle{Course: c}, Share: share}
					return NewForewarm(c, p)
				}
			},
		},
		product("forewarm-plain", "Forewarm with the plain blend: no forest, capacity and warm-up configured", plainly),
		product("forewarm-learned", "Forewarm, nothing configured, its capacity prior right", Product{Prior: 1}),
		product("forewarm-learned-half", "the same, prior half the truth", Product{Prior: 0.5}),
		product("forewarm-learned-double", "the same, prior twice the truth", Product{Prior: 2}),
	}
}

// product is one set-up. Its forecasts are shared with all that see the same arrivals.
func product(name, doc string, p Product) Policy {
	return Policy{
		Name: name, Doc: doc, Headroom: ofPromise, Grid: promises, Default: usualAttainment,
		On: func(c *Course) func(float64) Scaler {
			return func(attainment float64) Scaler {
				p := p
				p.Attainment, p.Forecaster = attainment, c.memo(p.unit(c), p.Plain)
				return NewForewarm(c, p)
			}
		},
	}
}
