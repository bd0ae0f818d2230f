package policy

import (
	"math"
	"time"
)

// SpotTerms are how spot nodes of a variant come and go, as configured. A zero
// Availability means the defaults.
type SpotTerms struct {
	Availability  float64       `json:"availability"`  // share of asked nodes that are there, (0, 1]
	HazardPerHour float64       `json:"hazardPerHour"` // losses per replica and hour
	Notice        time.Duration `json:"notice"`        // from the warning to the end of the node
}

// DefaultSpotTerms stand for what nobody configured: a node in ten is not there
// when asked for, a replica is lost every ten hours (the recorded pools of the
// bamboo project lose 0.3 to 0.6 per hour at their worst, most pools far fewer),
// and the notice is the shortest of the large clouds.
func DefaultSpotTerms() SpotTerms {
	return SpotTerms{Availability: 0.9, HazardPerHour: 0.1, Notice: 30 * time.Second}
}

const (
	// spotGrace is how long a spot replica may wait for a node before the pool is
	// taken for empty: nothing that waits is expected then, and on-demand stands in.
	spotGrace = NodeWait
	// returnHold is how long a spot replica must have been ready before on-demand that
	// stood in for it is released: its caches are warm then, and a pool that took
	// nodes away a moment ago tends to do so again.
	returnHold = cacheRefill
)

// mix is a model with a firm (on-demand or reserved) and a spot variant while it
// is decided as one fleet, counted in firm replicas; see ruleFold.
type mix struct {
	firm, spot int // indices of the variants
	ratio      float64
	terms      SpotTerms
	m          Model
	l          Learned
	in         Input
	start      []int
	counts     []int
	floors     []int
	order      []int
	caps       []Capacity
	exposed    time.Duration // for how long a lost spot replica is missed: see hedge
	fleet      fleet
}

// fleet is the one variant that stands for both, with all that the rules know of it.
type fleet struct {
	variant                     [1]Variant
	supply                      [1]Supply
	caps                        [1]Capacity
	start, counts, floor, order [1]int
}

// ruleFold makes one fleet of a firm and a spot variant, so that the rules up to
// ruleMix decide how many replicas are needed, whatever they run on. What is asked
// for now, T, is what was asked for before without hedge and stand-ins,
//
//	T = max(on-demand asked, spot asked + on-demand minimum - hedge)
//
// It needs both prices; without them variants are asked in the order of preference.
func ruleFold(d *draft) {
	x, ok := d.mixOf()
	if !ok {
		return
	}
	d.mix = x
	firm, spot := &x.m.Variants[x.firm], &x.m.Variants[x.spot]
	warmFirm := d.warmUp(x.firm)
	warm := max(warmFirm, d.warmUp(x.spot))
	x.exposed = warmFirm + controlDelay - x.terms.Notice
	fs, ss := supplyOf(&x.in, x.firm), supplyOf(&x.in, x.spot)
	now := d.levelNow(fs, ss)
	one := &x.fleet
	one.variant[0] = *firm
	v := &one.variant[0]
	v.Name, v.WarmUp, v.WarmUpFixed = "", warm, true
	v.Min, v.Max = firm.Min+x.worth(spot.Min), firm.Max+x.worth(spot.Max)
	if (spot.Paused || spot.Awake) && spot.Min > 0 { // what nobody may take keeps both awake
		v.Awake, v.Min = true, max(v.Min, 1)
	}
	one.supply[0] = Supply{
		Known: fs.Known && ss.Known, Age: max(fs.Age, ss.Age), Spec: now, Ready: fs.Ready + x.worth(ss.Ready),
		Starting: fs.Starting - fs.Homeless + x.worth(ss.Starting-ss.Homeless), Ages: x.ages(fs, ss, warm),
	}
	one.caps[0], one.start[0], one.counts[0], one.floor[0], one.order[0] = d.caps[x.firm], now, now, 0, 0
	d.pods = x.foldPods(d.pods[:0], x.in.Signals.Pods)
	d.m.Variants, d.in.Supply, d.in.Signals.Pods, d.l.Variants = one.variant[:], one.supply[:], d.pods, nil
	d.caps, d.start, d.counts, d.floors, d.order = one.caps[:], one.start[:], one.counts[:], one.floor[:], one.order[:]
	d.longest = 0
}

// mixOf says whether the model is one firm and one spot variant with known prices.
func (d *draft) mixOf() (*mix, bool) {
	if len(d.m.Variants) != 2 {
		return nil, false
	}
	if d.folded == nil {
		d.folded = new(mix)
	}
	x := d.folded
	x.firm, x.spot = 0, 1
	if d.m.Variants[0].CapacityType == Spot {
		x.firm, x.spot = 1, 0
	}
	firm, spot := &d.m.Variants[x.firm], &d.m.Variants[x.spot]
	if firm.CapacityType == Spot || spot.CapacityType != Spot || firm.PricePerGPU <= 0 || spot.PricePerGPU <= 0 {
		return nil, false
	}
	per := d.caps[x.firm].carries(d.perRequest)
	if x.ratio = d.caps[x.spot].carries(d.perRequest) / per; per <= 0 || x.ratio <= 0 {
		return nil, false
	}
	if x.terms = spot.Spot; x.terms.Availability <= 0 {
		x.terms = DefaultSpotTerms()
	}
	x.m, x.l, x.in, x.start, x.order, x.caps = d.m, d.l, d.in, d.start, d.order, d.caps
	x.counts, x.floors = d.counts, d.floors
	return x, true
}

// worth is how many firm replicas n spot ones stand for, rounded down.
func (x *mix) worth(n int) int { return int(math.Floor(float64(max(n, 0))*x.ratio + 1e-9)) }

// levelNow is T. While any replica is asked for it is at least one: a fleet of less than a firm replica's worth, or of
// nothing but hedge, is not at zero.
func (d *draft) levelNow(firm, spot *Supply) int {
	x := d.mix
	if !firm.Known || !spot.Known { // both starts are minima, or known
		return max(d.start[x.firm], x.worth(d.start[x.spot]), min(d.start[x.firm]+d.start[x.spot], 1))
	}
	return max(d.levelOf(firm, spot), min(firm.Spec+spot.Spec, 1))
}

// levelOf is T of known replicas.
func (d *draft) levelOf(firm, spot *Supply) int {
	x, v := d.mix, d.m.Variants
	now := firm.Spec
	of := x.worth(spot.Spec) + v[x.firm].Min
	for n := of; n > now; n-- {
		if n+d.hedge(n) <= of {
			now = n
		}
	}
	if spot.Spec >= v[x.spot].Max { // spot could not take more, so on-demand carries the rest
		now = max(now, firm.Spec+x.worth(spot.Ready)-d.hedge(firm.Spec))
	}
	return now
}

// hedge is the number of further replicas that keep n served through the losses
// until a stand-in is warm: the smallest E with
//
//	P(losses > E) <= 1 - attainment,  losses ~ Poisson(n * hazard * (warm-up + control delay - notice))
//
// It takes losses for independent. Those of one pool are not, so the on-demand
// minimum is what a lost pool leaves.
func (d *draft) hedge(n int) int {
	mean := float64(n) * d.mix.terms.HazardPerHour * max(d.mix.exposed, 0).Hours()
	p := math.Exp(-mean)
	tail, e := 1-p, 0
	for ; tail > 1-d.m.SLO.Attainment && e < n; e++ {
		p *= mean / float64(e+1)
		tail -= p
	}
	return e
}

// ages are the ages of the starting pods that have a node, oldest first. Which
// pods have none is not told, so those beyond a warm-up are taken for them.
func (x *mix) ages(firm, spot *Supply, warm time.Duration) []time.Duration {
	var out []time.Duration
	for _, s := range [...]*Supply{firm, spot} {
		young := s.Ages
		for len(young) > max(len(s.Ages)-s.Homeless, 0) || len(young) > 0 && young[0] > warm {
			young = young[1:]
		}
		out = mergeDescending(out, young)
	}
	return out
}

func mergeDescending(a, b []time.Duration) []time.Duration {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	out := make([]time.Duration, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0] >= b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}

// foldPods adds those of both variants as pods of the one fleet.
func (x *mix) foldPods(out, all []Pod) []Pod {
	for _, p := range all {
		if p.Variant == x.m.Variants[x.firm].Name || p.Variant == x.m.Variants[x.spot].Name {
			p.Variant = ""
		} else {
			p.Variant = "?"
		}
		out = append(out, p)
	}
	return out
}

// ruleMix splits the fleet over its two variants: see split.
func ruleMix(d *draft) {
	x := d.mix
	if x == nil {
		return
	}
	n := d.counts[0]
	d.unfold()
	fs, ss := supplyOf(&d.in, x.firm), supplyOf(&d.in, x.spot)
	firm, spot := d.split(n, ss)
	if d.hold {
		firm, spot = max(firm, d.counts[x.firm]), max(spot, d.counts[x.spot])
	}
	if n > 0 {
		firm, spot = d.keepUntilReplaced(n, firm, spot, fs, ss)
	}
	if n > 0 && firm != d.counts[x.firm] {
		d.variantStep(x.firm, "spot-firm", firm, [4]float64{float64(n), float64(ss.Ready), float64(spot), float64(ss.Homeless)})
	}
	d.counts[x.firm] = firm
	if spot != d.counts[x.spot] {
		d.variantStep(x.spot, "spot-share", spot, [4]float64{float64(n), float64(spot)})
	}
}

// unfold restores the two variants.
func (d *draft) unfold() {
	x := d.mix
	d.m, d.l, d.in, d.start, d.order, d.caps = x.m, x.l, x.in, x.start, x.order, x.caps
	d.counts, d.floors, d.longest = x.counts, x.floors, 0
	copy(d.counts, d.start)
	clear(d.floors)
}

// split is how many firm and spot replicas serve n (in firm replicas):
//
//	spot = n + hedge - on-demand minimum
//	firm = n + hedge of what is counted on - spot ready - spot expected, between its minimum and n
//
// the rule of SkyServe (Mao et al. 2024), except that spot which is on its way is
// expected: a replica with a node wholly, one that waits for a node for less than
// spotGrace with the availability. If that is not cheaper than n on demand (see bill),
// as much of it is on demand as its maximum allows.
func (d *draft) split(n int, ss *Supply) (firm, spot int) {
	x := d.mix
	fv, sv := &d.m.Variants[x.firm], &d.m.Variants[x.spot]
	if n == 0 {
		return 0, 0
	}
	if !ss.Known { // nothing of it can be counted on, and nothing taken back
		return min(n, fv.Max), d.counts[x.spot]
	}
	e := d.hedge(n)
	spot = int(math.Ceil(float64(n+e-fv.Min)/x.ratio - 1e-9))
	spot = min(max(spot, sv.Min), sv.Max)
	mixed, all := d.bill(n, spot)
	if mixed >= all {
		d.step("spot-dear", n, n, [4]float64{mixed, all, float64(n)})
		left := int(math.Ceil(float64(max(n-fv.Max, 0))/x.ratio - 1e-9))
		return min(n, fv.Max), min(max(left, sv.Min), sv.Max)
	}
	d.step("spot-split", n, n, [4]float64{float64(n), float64(e), mixed, all})
	counted := x.worth(ss.Ready) + x.worth(x.expected(ss, spot))
	firm = n + d.hedge(min(counted, n)) - counted // what does not run on spot is not lost
	return min(max(firm, fv.Min), n, fv.Max), spot
}

// bill is what n cost in an hour with so many asked of spot, and all on demand. A spot
// replica that is asked for is ready for the share availability / (1 + hazard x warm-up)
// of the time, and on demand is what split leaves to it then, so a spot maximum that
// binds saves no more than it carries.
func (d *draft) bill(n, spot int) (mixed, all float64) {
	x := d.mix
	fv, sv := &d.m.Variants[x.firm], &d.m.Variants[x.spot]
	firmPrice := float64(fv.PricePerGPU) * float64(max(fv.GPUs, 1))
	spotPrice := float64(sv.PricePerGPU) * float64(max(sv.GPUs, 1))
	ready := float64(spot) * x.terms.Availability / (1 + x.terms.HazardPerHour*d.warmUp(x.spot).Hours())
	counted := min(ready*x.ratio, float64(n))
	firm := float64(n+d.hedge(int(counted))) - ready*x.ratio
	firm = min(max(firm, float64(fv.Min)), float64(n))
	return ready*spotPrice + firm*firmPrice, float64(n) * firmPrice
}

// expected is how many spot replicas beyond the ready ones can be counted on. One that was just asked for has no pod
// yet and waits as well, unless the cluster has refused it one.
func (x *mix) expected(s *Supply, want int) int {
	young := 0
	for k := len(s.Ages) - 1; k >= 0 && s.Ages[k] <= spotGrace; k-- {
		young++
	}
	housed := max(s.Starting-s.Homeless, 0)
	if s.Homeless > young {
		return housed
	}
	if step := x.m.Variants[x.spot].StepUp; step > 0 {
		want = min(want, s.Spec+step)
	}
	_, refused := starved(&x.l, &x.in, x.spot)
	podless := max(s.Spec-s.Ready-s.Starting-refused, 0)
	waiting := s.Homeless + podless + max(want-s.Spec, 0)
	return housed + int(x.terms.Availability*float64(waiting)+0.5)
}

// keepUntilReplaced makes before it breaks: a replica of one kind goes only
// against a ready one of the other, and on-demand only against spot that has stood
// for returnHold. A pool that is never whole is no reason to pay for both: what of
// it stands is counted on.
func (d *draft) keepUntilReplaced(n, firm, spot int, fs, ss *Supply) (int, int) {
	x := d.mix
	if firm < fs.Spec {
		stood := ss.Ready
		if spot > 0 {
			stood = d.l.variant(x.spot).stood(d.in.Now, ss.Ready)
		}
		if keep := min(fs.Spec, n-x.worth(stood)); keep > firm {
			d.step("spot-hold", firm, keep, [4]float64{float64(ss.Ready), float64(stood), returnHold.Seconds()})
			firm = keep
		}
	}
	if spot < ss.Spec {
		spot = max(spot, min(ss.Spec, int(math.Ceil(float64(n-fs.Ready)/x.ratio-1e-9))))
	}
	return firm, spot
}

// withLow adds a moment to the lows of a sliding window: kept are those that no later
// moment is as low as, so the first is the lowest.
func (w *Workspace) withLow(lows []Standing, now Standing) []Standing {
	out := w.standings.take(len(lows) + 1)[:0]
	for _, s := range lows {
		if now.At.Sub(s.At) < returnHold && s.Ready < now.Ready {
			out = append(out, s)
		}
	}
	return append(out, now)
}

// stood is how many of the replicas that are ready now were so throughout returnHold.
func (l *VariantLearned) stood(now time.Time, ready int) int {
	for _, s := range l.Stood {
		if now.Sub(s.At) < returnHold {
			return min(s.Ready, ready)
		}
	}
	return ready
}
