package policy

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// pools is a model with an on-demand variant (a replica carries 10 req/s, costs 1
// and warms up in 2 minutes) and a spot variant.
type pools struct {
	arrivals         float64
	firm, firmReady  int
	spot, spotReady  int
	homeless         int
	ages             []time.Duration // of starting spot replicas
	podless          int             // of spot, asked for without so much as a pod ...
	podlessFor       time.Duration   // ... for so long
	price            float64         // of spot; 0 = 0.3
	firmMin, spotMax int             // 0 = 0 and 50
	firmMax          int             // 0 = 50
	hazard           float64         // 0 = 0.1
	speed            float64         // of a spot replica; 0 = 1
	stood            int             // spot replicas that were ready ...
	stoodAt          time.Duration   // ... so long ago; 0 = as many as now
	unknown          bool
	attainment       float64       // 0 = 0.99
	idleFor          time.Duration // zero is allowed if that is more than 0
	awake            bool          // spot may not sleep
}

func (p pools) model() Model {
	m := with(0, scene{toZero: p.idleFor > 0}).model()
	or := func(v, otherwise float64) float64 {
		if v == 0 {
			return otherwise
		}
		return v
	}
	v := &m.Variants[0]
	v.Name, v.PricePerGPU, v.Min, v.Max = "on-demand", 1, p.firmMin, int(or(float64(p.firmMax), 50))
	spot := *v
	spot.Name, spot.CapacityType, spot.PricePerGPU = "spot", Spot, USDPerHour(or(p.price, 0.3))
	spot.Min, spot.Max = 0, int(or(float64(p.spotMax), 50))
	spot.Capacity.Requests = 10 * or(p.speed, 1)
	spot.Spot = SpotTerms{Availability: 0.9, HazardPerHour: or(p.hazard, 0.1), Notice: 30 * time.Second}
	spot.Awake = p.awake
	m.Variants = append(m.Variants, spot)
	m.SLO.Attainment = or(p.attainment, 0.99)
	return m
}

func (p pools) propose(t interface {
	Helper()
	Fatal(...any)
},
) Proposal {
	t.Helper()
	s := with(p.firmReady+p.spotReady, scene{arrivals: p.arrivals, idleFor: p.idleFor})
	in, l := s.input(), s.learned()
	for i := range in.Signals.Pods {
		if in.Signals.Pods[i].Variant = "on-demand"; i >= p.firmReady {
			in.Signals.Pods[i].Variant = "spot"
		}
	}
	in.Supply = []Supply{
		{Variant: "on-demand", Known: true, Spec: p.firm, Ready: p.firmReady, Starting: p.firm - p.firmReady},
		{
			Variant: "spot", Known: !p.unknown, Spec: p.spot, Ready: p.spotReady, Starting: p.spot - p.spotReady - p.podless,
			Homeless: p.homeless, Ages: p.ages,
		},
	}
	l.Variants = make([]VariantLearned, 2)
	if p.podless > 0 {
		l.Variants[1].Podless = Podless{noon.Add(-p.podlessFor), p.podless}
	}
	if p.stoodAt > 0 {
		l.Variants[1].Stood = []Standing{{noon.Add(-p.stoodAt), p.stood}}
	}
	return Propose(p.model(), l, in, s.forecast(t))
}

func TestSpot(t *testing.T) {
	ages := func(n int, of time.Duration) []time.Duration {
		out := make([]time.Duration, n)
		for i := range out {
			out[i] = of
		}
		return out
	}
	for name, tc := range map[string]struct {
		pools
		want [2]int // on-demand, spot
		says WhyCode
	}{
		"cheap spot carries it all, and one more against losses": {pools{arrivals: 95, spot: 11, spotReady: 11}, [2]int{0, 11}, "spot-split"},
		"the on-demand minimum stays and counts":                 {pools{arrivals: 95, firmMin: 3, firm: 3, firmReady: 3, spot: 8, spotReady: 8}, [2]int{3, 8}, "spot-split"},
		"a pool that loses much gets a bigger hedge":             {pools{arrivals: 95, hazard: 2, spot: 14, spotReady: 14}, [2]int{0, 14}, "spot-split"},
		"spot that costs as much is not worth the risk":          {pools{arrivals: 95, price: 0.99, firm: 10, firmReady: 10}, [2]int{10, 0}, "spot-dear"},
		"moving to spot begins with spot":                        {pools{arrivals: 95, firm: 10, firmReady: 10}, [2]int{10, 11}, "spot-share"},
		"on-demand stays while spot loads":                       {pools{arrivals: 95, firm: 10, firmReady: 10, spot: 11, ages: ages(11, time.Minute)}, [2]int{10, 11}, "spot-split"},
		"and while spot has not stood for long":                  {pools{arrivals: 95, firm: 10, firmReady: 10, spot: 11, spotReady: 11, stoodAt: time.Minute}, [2]int{10, 11}, "spot-hold"},
		"then on-demand goes":                                    {pools{arrivals: 95, firm: 10, firmReady: 10, spot: 11, spotReady: 11, stoodAt: 6 * time.Minute}, [2]int{0, 11}, "spot-firm"},
		"only against ready replacement":                         {pools{arrivals: 95, firm: 10, firmReady: 10, spot: 11, spotReady: 6, stoodAt: 6 * time.Minute, ages: ages(5, time.Minute)}, [2]int{4, 11}, "spot-firm"},
		"of a pool that is never whole, what stands counts":      {pools{arrivals: 95, firm: 10, firmReady: 10, spot: 11, spotReady: 6, homeless: 5, stood: 6, stoodAt: time.Minute, ages: ages(5, time.Hour)}, [2]int{5, 11}, "spot-firm"},
		"what came back a minute ago does not yet":               {pools{arrivals: 95, firm: 10, firmReady: 10, spot: 11, spotReady: 8, homeless: 3, stood: 6, stoodAt: time.Minute, ages: ages(3, time.Hour)}, [2]int{4, 11}, "spot-hold"},
		"what runs on demand needs no hedge":                     {pools{arrivals: 95, hazard: 2, firm: 8, firmReady: 8, spot: 14, spotReady: 6, homeless: 8, ages: ages(8, time.Hour)}, [2]int{7, 14}, "spot-firm"},
		"lost nodes are stood in for at once":                    {pools{arrivals: 95, spot: 11, spotReady: 6, homeless: 5, ages: ages(5, time.Minute)}, [2]int{5, 11}, "spot-firm"},
		"a replacement may take a scrape to find its node":       {pools{arrivals: 95, spot: 11, spotReady: 10, homeless: 1, ages: ages(1, 15*time.Second)}, [2]int{0, 11}, "spot-split"},
		"one just asked for has no pod yet":                      {pools{arrivals: 95, spot: 11, spotReady: 8, podless: 3, podlessFor: 5 * time.Second}, [2]int{0, 11}, "spot-split"},
		"one that is refused a pod is not counted on":            {pools{arrivals: 95, spot: 11, spotReady: 8, podless: 3, podlessFor: 2 * time.Minute}, [2]int{3, 11}, "spot-firm"},
		"one that has its node is expected":                      {pools{arrivals: 95, spot: 11, spotReady: 8, ages: ages(3, 90*time.Second)}, [2]int{0, 11}, "spot-split"},
		"an empty pool is not counted on":                        {pools{arrivals: 95, spot: 11, spotReady: 8, homeless: 3, ages: append(ages(1, time.Hour), ages(2, time.Second)...)}, [2]int{3, 11}, "spot-firm"},
		"more load is asked of spot":                             {pools{arrivals: 145, spot: 11, spotReady: 11}, [2]int{0, 16}, "spot-share"},
		"what spot's maximum leaves is on demand":                {pools{arrivals: 95, spotMax: 4, spot: 4, spotReady: 4}, [2]int{7, 4}, "spot-firm"},
		"a slow spot replica counts for what it carries":         {pools{arrivals: 95, speed: 0.5, spot: 22, spotReady: 22}, [2]int{0, 22}, "spot-split"},
		"dear spot is no bargain for its maximum being low":      {pools{arrivals: 190, price: 1.5, spotMax: 5, firm: 20, firmReady: 20}, [2]int{19, 0}, "spot-dear"},
		"nor does it stay as one":                                {pools{arrivals: 190, price: 1.5, spotMax: 5, firm: 15, firmReady: 15, spot: 5, spotReady: 5}, [2]int{19, 4}, "spot-dear"},
		"a little of it costs a hedge and saves little":          {pools{arrivals: 185, price: 0.9, spotMax: 5, firm: 19, firmReady: 19}, [2]int{19, 0}, "spot-dear"},
		"but a little of cheap spot saves":                       {pools{arrivals: 190, spotMax: 5, firm: 15, firmReady: 15, spot: 5, spotReady: 5}, [2]int{15, 5}, "spot-split"},
		"dear spot carries what on-demand's maximum leaves":      {pools{arrivals: 95, price: 1.5, firm: 4, firmReady: 4, firmMax: 4}, [2]int{4, 6}, "spot-share"},
		"spot goes back only against ready on-demand":            {pools{arrivals: 95, price: 0.99, spot: 10, spotReady: 10}, [2]int{10, 10}, "spot-dear"},
		"unknown spot replicas lower nothing":                    {pools{arrivals: 5, firm: 4, firmReady: 4, unknown: true}, [2]int{4, 0}, "hold-no-supply"},
	} {
		t.Run(name, func(t *testing.T) {
			p := tc.propose(t)
			if got := [2]int{p.Variants[0].Want, p.Variants[1].Want}; got != tc.want || !said(p.Steps, tc.says) {
				t.Errorf("wants %v, want %v; %v", got, tc.want, codes(p.Steps))
			}
		})
	}
}

func TestSpotWithoutPricesComesAfterOnDemand(t *testing.T) {
	p := pools{arrivals: 95, firm: 4, firmReady: 4}
	m := p.model()
	m.Variants[1].PricePerGPU = 0
	s := with(4, scene{arrivals: 95})
	in := s.input()
	in.Supply = append(in.Supply, Supply{Variant: "spot", Known: true})
	got := Propose(m, s.learned(), in, s.forecast(t))
	if got.Variants[0].Want != 10 || got.Variants[1].Want != 0 {
		t.Errorf("wants %d and %d, want 10 and 0", got.Variants[0].Want, got.Variants[1].Want)
	}
}

// TestSpotProperties: whatever the pool does, the wanted replicas carry the load
// if all come, limits hold, the layers add up, and nothing that is ready goes
// unless what stays ready carries the load.
func TestSpotProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pools{
			arrivals: rapid.Float64Range(1, 200).Draw(t, "arrivals"),
			firm:     rapid.IntRange(0, 20).Draw(t, "firm"), spot: rapid.IntRange(0, 30).Draw(t, "spot"),
			price:   rapid.SampledFrom([]float64{0.1, 0.3, 0.9, 1.2}).Draw(t, "price"),
			firmMin: rapid.IntRange(0, 3).Draw(t, "min"), hazard: rapid.SampledFrom([]float64{0, 0.5, 5}).Draw(t, "hazard"),
			spotMax: rapid.IntRange(1, 40).Draw(t, "max"), firmMax: rapid.SampledFrom([]int{5, 50}).Draw(t, "firmMax"),
			stoodAt: time.Duration(rapid.IntRange(0, 10).Draw(t, "stoodAt")) * time.Minute,
		}
		p.spot, p.firm = min(p.spot, p.spotMax), min(p.firm, p.firmMax)
		p.firmReady = rapid.IntRange(0, p.firm).Draw(t, "firmReady")
		p.spotReady = rapid.IntRange(0, p.spot).Draw(t, "spotReady")
		p.stood = rapid.IntRange(0, p.spot).Draw(t, "stood")
		p.homeless = rapid.IntRange(0, p.spot-p.spotReady).Draw(t, "homeless")
		got := p.propose(t)
		firm, spot := got.Variants[0].Want, got.Variants[1].Want
		if len(got.Layers) != firm+spot {
			t.Fatalf("%d layers for %d and %d", len(got.Layers), firm, spot)
		}
		if firm > p.firmMax || spot > p.spotMax || firm < p.firmMin {
			t.Fatalf("%d and %d are beyond the limits", firm, spot)
		}
		need := min(p.arrivals/10, float64(p.firmMax+p.spotMax))
		if float64(firm+spot) < need-1e-9 {
			t.Fatalf("%d and %d cannot carry %g", firm, spot, need)
		}
		stay := min(firm, p.firmReady) + min(spot, p.spotReady)
		if had := p.firmReady + p.spotReady; stay < had && float64(stay) < need-1e-9 {
			t.Fatalf("%d of %d ready ones stay, for a need of %g: %v", stay, had, need, codes(got.Steps))
		}
	})
}

// TestSpotIsCheaperOnlyIfItIs: a fleet that is said to be cheaper with spot costs less than on demand when it has
// settled with as much of spot as can be counted on.
func TestSpotIsCheaperOnlyIfItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pools{
			arrivals: rapid.Float64Range(1, 400).Draw(t, "arrivals"), price: rapid.Float64Range(0.1, 2).Draw(t, "price"),
			firmMin: rapid.IntRange(0, 3).Draw(t, "min"), spotMax: rapid.IntRange(1, 50).Draw(t, "max"),
			hazard: rapid.SampledFrom([]float64{0.1, 0.5, 5}).Draw(t, "hazard"),
			speed:  rapid.SampledFrom([]float64{0.5, 1, 1.5}).Draw(t, "speed"),
		}
		got := p.propose(t)
		p.spot = got.Variants[1].Want
		p.spotReady = int(0.9 * float64(p.spot))
		p.homeless, p.ages = p.spot-p.spotReady, make([]time.Duration, p.spot-p.spotReady)
		for i := range p.ages {
			p.ages[i] = time.Hour
		}
		settled := p.propose(t)
		need := math.Ceil(p.arrivals/10 - 1e-9)
		bill := float64(settled.Variants[0].Want) + p.price*float64(p.spotReady)
		if said(settled.Steps, "spot-split") && bill > need+2 { // counts are whole: one in what is ready, one in the hedge
			t.Fatalf("%d and %d of %d ready cost %g, %g on demand would do", settled.Variants[0].Want, p.spotReady, p.spot, bill, need)
		}
		if p.price > 1.5 && said(got.Steps, "spot-split") {
			t.Fatalf("spot at %g is said to be cheaper", p.price)
		}
	})
}

// What is left of a fleet may be worth less than a replica on demand, or be what the hedge counts as spare. It is still a
// model that is awake, and nothing proves that it may sleep.
func TestTheLastSpotReplicaStaysWithoutProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pools{
			spot:       rapid.IntRange(1, 2).Draw(t, "spot"),
			speed:      rapid.SampledFrom([]float64{0.3, 0.5, 1}).Draw(t, "speed"),
			hazard:     rapid.SampledFrom([]float64{0.1, 0.6, 5}).Draw(t, "hazard"),
			attainment: rapid.SampledFrom([]float64{0.9, 0.99, 0.999}).Draw(t, "attainment"),
			idleFor:    time.Duration(rapid.IntRange(0, 1).Draw(t, "idle")) * time.Minute,
		}
		p.spotReady = p.spot
		got := p.propose(t)
		if got.Variants[0].Want+got.Variants[1].Want < 1 {
			t.Fatalf("zero of %d spot replicas after %s of idleness: %v", p.spot, p.idleFor, codes(got.Steps))
		}
	})
}

func TestSpotSleepsWithTheModelUnlessToldNotTo(t *testing.T) {
	p := pools{spot: 2, spotReady: 2, idleFor: 24 * time.Hour}
	if got := p.propose(t); got.Variants[0].Want+got.Variants[1].Want != 0 || !said(got.Steps, "zero") {
		t.Errorf("want it to sleep, got %d and %d: %v", got.Variants[0].Want, got.Variants[1].Want, codes(got.Steps))
	}
	p.awake = true
	if got := p.propose(t); got.Variants[1].Want < 1 {
		t.Errorf("want spot kept awake, got %d: %v", got.Variants[1].Want, codes(got.Steps))
	}
}
