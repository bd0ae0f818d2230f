package policy

import "math"

// kvFull is the KV-cache use up to which a pod takes more requests without
// preempting.
const kvFull = 0.9

// ruleFloor keeps as many replicas as requests in flight need room for: KV-cache
// use and running requests are facts of the present, so they may raise a count,
// and they are never forecast from.
func ruleFloor(d *draft) {
	for i, v := range d.m.Variants {
		kv, running := 0.0, 0.0
		for _, p := range d.in.Signals.Pods {
			if p.Variant == v.Name {
				kv, running = kv+p.KV.Value, running+p.Running.Value
			}
		}
		floor := int(math.Ceil(kv/kvFull - 1e-9))
		if c := d.caps[i].Concurrency; c > 0 {
			floor = max(floor, int(math.Ceil(running/c-1e-9)))
		}
		floor = min(floor, v.Max)
		d.floors[i] = floor
		if floor > d.counts[i] {
			d.variantStep(i, "floor-in-flight", floor, [4]float64{kv, running, kvFull})
		}
	}
}
