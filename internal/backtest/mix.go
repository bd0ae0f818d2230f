package backtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/rival"
)

// A model of several variants is simulated twice. HPA and KEDA with the settings of the command line scale one
// target, so they get a fleet of replicas like those of the main variant. Forewarm and the cluster's own
// autoscalers scale every variant that takes part, each with its own capacity, warm-up, price and limits.

// partners are the variants that take part, the main one first: those that had replicas, and those whose capacity
// is configured. Of another one nothing tells what it would carry.
func (b *bench) partners(caps []Capacity) []int {
	out := []int{b.main}
	for i, c := range caps {
		if i != b.main && (b.hoursOf(i) > 0 || c.Source == Configured) {
			out = append(out, i)
		}
	}
	return out
}

// mixed is whether several variants are simulated.
func (b *bench) mixed() bool { return len(b.parts) > 1 }

// pools are the variants that take part; capacity has an entry per variant.
func (b *bench) pools(capacity []float64, found bool) []fluid.Pool {
	var out []fluid.Pool
	for _, i := range b.parts {
		v := b.h.Model.Variants[i]
		_, warm := b.h.warmUpOf(i)
		p := fluid.Pool{
			Name: v.Name, Type: v.CapacityType, Speed: capacity[i] / capacity[b.main], GPUs: max(v.GPUs, 1),
			Spot: v.Spot, Notice: v.Spot.Notice, Start: b.startOf(i), Min: v.Min, Max: b.limitOf(i, found),
			WarmUp: fluid.WarmUp{Median: warm},
		}
		p.Price = float64(v.PricePerGPU) * float64(p.GPUs)
		out = append(out, p)
	}
	out[0].Min = max(out[0].Min, 1)
	return out
}

// all says whether something holds of every variant that takes part.
func (b *bench) all(of func(variant int) bool) bool {
	return !slices.ContainsFunc(b.parts, func(i int) bool { return !of(i) })
}

// yours are the rows of the cluster's own autoscalers: one each, or where several variants are simulated, one of all.
func (b *bench) yours() []contender {
	if b.mixed() {
		return b.beside()
	}
	var out []contender
	for _, a := range b.theirs {
		out = append(out, contender{
			"yours", a.Kind + " " + a.Name, a.setting(), false,
			func(*fluid.Course) (fluid.Scaler, error) { return rival.NewSetup(a.Setup), nil },
		})
	}
	return out
}

// beside is the row of the cluster's own autoscalers, each on its variant; none if no variant has one.
func (b *bench) beside() []contender {
	setups := make([]rival.Setup, len(b.parts))
	var names, settings []string
	for p, i := range b.parts {
		for _, a := range b.theirs {
			if a.variant == i {
				setups[p] = a.Setup
				names = append(names, a.Kind+" "+a.Name)
				settings = append(settings, b.h.Model.Variants[i].Name+": "+a.setting())
				break
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []contender{{
		"yours", strings.Join(names, ", "), strings.Join(settings, "; "), true,
		func(*fluid.Course) (fluid.Scaler, error) { return rival.NewSetups(setups), nil },
	}}
}

// adopt takes the autoscalers that scale a variant which takes part, and says what of them is left out.
func (b *bench) adopt(theirs []Autoscaler, e config.Entry) []string {
	var notes []string
	for _, a := range theirs {
		a.variant = slices.IndexFunc(e.Targets, func(t config.Target) bool { return t.Name == a.Target })
		if a.Namespace != b.h.Model.ID.Namespace || !slices.Contains(b.parts, a.variant) {
			continue
		}
		for _, n := range a.Notes {
			notes = append(notes, fmt.Sprintf("%s %s: %s.", a.Kind, a.Name, n))
		}
		if len(a.Setup.Metrics) > 0 {
			b.theirs = append(b.theirs, a)
		}
	}
	return notes
}

// mixNotes say who is simulated with which variants.
func (b *bench) mixNotes() []string {
	vs := b.h.Model.Variants
	if len(vs) == 1 {
		return nil
	}
	var took, left []string
	for i, v := range vs {
		if slices.Contains(b.parts, i) {
			took = append(took, v.Name)
		} else {
			left = append(left, v.Name)
		}
	}
	out := []string{fmt.Sprintf("The model has %d variants. hpa, keda-queue, keda-kv and the optimum have replicas like those "+
		"of %s only.", len(vs), vs[b.main].Name)}
	if b.mixed() {
		out = append(out, fmt.Sprintf("forewarm, and yours if there is one, scale %s. Spot nodes are always there in this "+
			"world; Forewarm plans with what is configured of their availability and hazard.", strings.Join(took, ", ")))
	}
	if len(left) > 0 {
		out = append(out, fmt.Sprintf("Not simulated, because the history shows no replica of them and their capacity is not "+
			"configured: %s.", strings.Join(left, ", ")))
	}
	return out
}
