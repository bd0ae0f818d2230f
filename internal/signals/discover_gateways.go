package signals

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// gatewayNames are the series by which a gateway preset is told, if it says which
// model a request is for.
func gatewayNames(p Preset) []string {
	if !p.Gateway || p.ModelLabel == "" {
		return nil
	}
	var out []string
	for _, s := range []Signal{Queue, Arrivals} {
		for _, m := range p.Signals[s] {
			if m.Kind != Histogram {
				out = append(out, m.Name)
			}
		}
	}
	return distinct(out)
}

// gatewayQuery counts the series of all gateways by name and model, so that the
// answer is small however many series there are.
func gatewayQuery(gateways []Preset) string {
	labels := []string{"__name__"}
	var names []string
	for _, p := range gateways {
		names = append(names, gatewayNames(p)...)
		labels = append(labels, p.ModelLabel)
	}
	return fmt.Sprintf("count by (%s) (%s)", strings.Join(distinct(labels), ", "), selector(names, nil))
}

// joinGateways binds a gateway where its model label is exactly the model name.
// Gateways seldom know namespaces, so a name served in several is left alone.
func (d *discoverer) joinGateways(ctx context.Context) {
	var gateways []Preset
	for _, p := range d.presets() {
		if len(gatewayNames(p)) > 0 {
			gateways = append(gateways, p)
		}
	}
	if len(gateways) == 0 {
		return
	}
	r, err := d.client.Query(ctx, gatewayQuery(gateways), d.at)
	if err != nil {
		d.out.Faults = append(d.out.Faults, faultOf(d.client.Name(), err))
		d.assume("Gateways could not be looked for: scale to zero needs one.")
		return
	}
	d.keep(Result{Warnings: r.Warnings}, "gateways")
	seen := map[string]map[string]bool{} // preset -> models
	for _, p := range gateways {
		seen[p.Name] = map[string]bool{}
		for _, s := range r.Matrix {
			one := &Series{Metric: s.Metric}
			if slices.Contains(gatewayNames(p), one.Name()) {
				seen[p.Name][one.Label(p.ModelLabel)] = true
			}
		}
	}
	served := map[string]int{}
	for _, f := range d.out.Found {
		served[f.ModelName]++
	}
	for i := range d.out.Found {
		joinGateway(&d.out.Found[i], gateways, seen, served)
	}
}

// joinGateway prefers a gateway that shows a queue.
func joinGateway(f *Found, gateways []Preset, seen map[string]map[string]bool, served map[string]int) {
	if f.ModelName == "" {
		return
	}
	var hits []Preset
	for _, p := range gateways {
		if seen[p.Name][f.ModelName] {
			hits = append(hits, p)
		}
	}
	if len(hits) == 0 {
		return
	}
	if served[f.ModelName] > 1 {
		f.Assumed = append(f.Assumed, fmt.Sprintf(
			"Gateway %s knows %q, which is served more than once: it is not joined; set gateway.match.",
			hits[0].Name, f.ModelName))
		return
	}
	slices.SortStableFunc(hits, func(a, b Preset) int { return len(b.Signals[Queue]) - len(a.Signals[Queue]) })
	f.Gateway = &GatewayBinding{Preset: hits[0].Name}
	for _, p := range hits[1:] {
		f.Assumed = append(f.Assumed, fmt.Sprintf("Gateway %s counts the model too; %s is used.", p.Name, hits[0].Name))
	}
}
