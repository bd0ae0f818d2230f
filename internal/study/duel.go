package study

import (
	"math"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// Duel is the first policy of ours, load by load, beside the plain blend where that was run, the policy that all are
// compared with, and the best rival of each cell. Everybody is at the one headroom that is best over all cells.
type Duel struct {
	Policy string     `json:"policy"`
	Beside []string   `json:"beside"`
	Loads  []DuelLoad `json:"loads"`
	// Mean is over the loads; the intervals are 95 % ones, paired, over whole loads, and null with one load.
	Mean DuelLoad `json:"mean"`
}

// DuelLoad is one load, the mean of its cells.
type DuelLoad struct {
	Load       string     `json:"load"`
	J          float64    `json:"j"`
	Cost       float64    `json:"cost"`
	V1         float64    `json:"v1"`
	Opponents  []Opponent `json:"opponents"`   // as in Duel.Beside
	BestRivals *float64   `json:"bestRivalsJ"` // mean of the least J of a rival in each cell; null without rivals
}

// Opponent is another policy on the same cells. The difference is ours minus its; of a load the interval is the least
// and the greatest over its cells.
type Opponent struct {
	J    float64  `json:"j"`
	Less Interval `json:"difference"`
}

const plainPolicy = "forewarm-plain"

func ours(name string) bool { return strings.HasPrefix(name, "forewarm") }

// ahead is in how many cells the J of a policy is below that of every rival; null for rivals, and without any.
func (s Simulation) ahead(p Policy) *int {
	best := s.bestRivals()
	if !ours(p.Name) || best == nil {
		return nil
	}
	n := 0
	for i, c := range p.Cells {
		if c.J < best[i] {
			n++
		}
	}
	return &n
}

// bestRivals is the least J of a rival, cell by cell; nil without rivals.
func (s Simulation) bestRivals() []float64 {
	var out []float64
	for _, p := range s.Policies {
		if ours(p.Name) {
			continue
		}
		for i, c := range p.Cells {
			if len(out) <= i {
				out = append(out, math.Inf(1))
			}
			out[i] = math.Min(out[i], c.J)
		}
	}
	return out
}

// duel is nil if nothing of ours was run.
func (s Simulation) duel() *Duel {
	k := slices.IndexFunc(s.Policies, func(p Policy) bool { return ours(p.Name) })
	if k < 0 {
		return nil
	}
	us := s.Policies[k]
	d := &Duel{Policy: us.Name}
	var them []Policy
	for _, name := range []string{plainPolicy, s.Versus} {
		i := slices.IndexFunc(s.Policies, func(p Policy) bool { return p.Name == name && name != us.Name })
		if i >= 0 && !slices.Contains(d.Beside, name) {
			d.Beside, them = append(d.Beside, name), append(them, s.Policies[i])
		}
	}
	best := s.bestRivals()
	for _, l := range s.Loads {
		d.Loads = append(d.Loads, duelOn(l.Name, us, them, best))
	}
	d.Mean = s.meanOf(d)
	return d
}

// duelOn is the duel on the cells of one load.
func duelOn(load string, us Policy, them []Policy, best []float64) DuelLoad {
	out := DuelLoad{Load: load, Opponents: make([]Opponent, len(them))}
	n, least := 0.0, 0.0
	for i, c := range us.Cells {
		if c.Load != load {
			continue
		}
		n++
		out.J, out.Cost, out.V1 = out.J+c.J, out.Cost+c.Cost, out.V1+c.V1
		for k, p := range them {
			out.Opponents[k].book(c.J, p.Cells[i].J)
		}
		if best != nil {
			least += best[i]
		}
	}
	out.scale(1 / n)
	if best != nil {
		least /= n
		out.BestRivals = &least
	}
	return out
}

// book adds a cell.
func (o *Opponent) book(us, them float64) {
	less := us - them
	o.J += them
	o.Less.Mean += less
	if o.Less.Low == nil {
		low, high := less, less
		o.Less.Low, o.Less.High = &low, &high
	}
	*o.Less.Low, *o.Less.High = math.Min(*o.Less.Low, less), math.Max(*o.Less.High, less)
}

func (d *DuelLoad) scale(by float64) {
	d.J, d.Cost, d.V1 = d.J*by, d.Cost*by, d.V1*by
	for k := range d.Opponents {
		d.Opponents[k].J *= by
		d.Opponents[k].Less.Mean *= by
	}
}

// meanOf is the mean over loads.
func (s Simulation) meanOf(d *Duel) DuelLoad {
	out := DuelLoad{Load: "mean", Opponents: make([]Opponent, len(d.Beside))}
	differences := make([][]float64, len(d.Beside))
	rivals := 0.0
	for _, l := range d.Loads {
		out.J, out.Cost, out.V1 = out.J+l.J, out.Cost+l.Cost, out.V1+l.V1
		for k, o := range l.Opponents {
			out.Opponents[k].J += o.J
			out.Opponents[k].Less.Mean += o.Less.Mean
			differences[k] = append(differences[k], o.Less.Mean)
		}
		if l.BestRivals != nil {
			rivals += *l.BestRivals
		}
	}
	n := float64(len(d.Loads))
	out.scale(1 / n)
	for k, diff := range differences {
		if len(diff) > 1 {
			i := fluid.Paired(diff, s.Seed)
			out.Opponents[k].Less = Interval{i.Mean, &i.Low, &i.High}
		}
	}
	if s.bestRivals() != nil {
		rivals /= n
		out.BestRivals = &rivals
	}
	return out
}
