package policy

import "math"

// kvFull is the KV-cache use up to which a pod takes more requests without
// preempting.
const kvFull = 0.9

// ruleFloor lets what is in flight now raise the count, never lower it, and never
// forecasts from it. Requests in service stand for a rate by Little's law,
//
//	arrivals = (running - 2 sqrt(running)) / time in service,
//
// two standard deviations of a Poisson count below what is seen, so that only a
// burst counts and not its noise. It shows seconds after the burst began, when the
// arrival rate still averages it away over its window. KV caches, and the concurrency that was configured, need
// room as they are.
func ruleFloor(d *draft) {
	d.floorRunning()
	for i := range d.m.Variants {
		v, fill := &d.m.Variants[i], 0.0 // replicas' worth of what is in flight
		for k := range d.in.Signals.Pods {
			p := &d.in.Signals.Pods[k]
			if p.Variant != v.Name {
				continue
			}
			room := p.KV.Value / kvFull
			if c := d.caps[i].Concurrency; c > 0 && v.CapacityFixed {
				room = max(room, p.Running.Value/c)
			}
			fill += room
		}
		floor := min(int(math.Ceil(fill-1e-9)), v.Max)
		d.floors[i] = floor
		if floor > d.counts[i] {
			d.variantStep(i, "floor-room", floor, [4]float64{fill, kvFull})
		}
	}
}

// floorRunning adds the rate that running requests stand for to what is needed.
func (d *draft) floorRunning() {
	running := d.census.running
	service := d.l.Request.service()
	if service <= 0 || running <= 0 {
		return
	}
	rate := max(0, running-2*math.Sqrt(running)) / service
	need := d.need.highest(d.perRequest.scale(rate))
	if need != d.need {
		d.step("floor-running", 0, 0, [4]float64{running, service, rate})
	}
	d.need = need
}
