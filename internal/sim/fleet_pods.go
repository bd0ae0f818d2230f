package sim

import (
	"fmt"
	"math"
)

// start creates a pod. It warms up from the moment it finds a node.
func (f *Fleet) start(i int) {
	v := f.variants[i]
	suffix := letters(f.names, 5)
	name, uid := v.replicaSet()+"-"+suffix, newUID(f.names)
	p := &Pod{
		name:    name,
		uid:     uid,
		variant: i,
		key:     hashName(name),
		kube:    pairs("namespace", f.cfg.Namespace, "pod", name, "uid", uid),
		labels:  engineLabels(f.cfg.Model),
		created: f.now,
		warmUp:  lognormal(f.warmUps, v.WarmUp.Mean.Seconds(), v.WarmUp.Sigma),
		readyAt: never,
		killAt:  never,
	}
	p.instance = fmt.Sprintf("10.%d.%d.%d:8000", f.names.IntN(256), f.names.IntN(256), 1+f.names.IntN(254))
	f.pods = append(f.pods, p)
	f.unplaced++
	f.place()
}

// place gives nodes to the pods that wait for one, oldest first, as far as nodes and quota go.
func (f *Fleet) place() {
	for _, p := range f.pods {
		if f.unplaced == 0 {
			return
		}
		v := f.variants[p.variant]
		if p.placed || p.state != Starting || !f.roomFor(p.variant) || !f.cfg.Quota.take(v.GPUs) {
			continue
		}
		p.placed, p.placedAt, p.readyAt = true, f.now, f.now+p.warmUp
		f.unplaced--
	}
}

// roomFor says whether one more pod of a variant finds a node.
func (f *Fleet) roomFor(i int) bool {
	limit := f.variants[i].limit
	return limit < 0 || f.onNodes(i) < limit
}

// onNodes is the number of pods of a variant that have a node which stays.
func (f *Fleet) onNodes(i int) int {
	n := 0
	for _, p := range f.pods {
		if p.variant == i && p.placed && !p.evicted && p.state != Gone {
			n++
		}
	}
	return n
}

// stepNodes applies the changes in the number of nodes that are due.
func (f *Fleet) stepNodes() {
	for i, v := range f.variants {
		for v.nextStep() <= f.now {
			v.limit = v.Nodes[v.step].Nodes
			v.step++
		}
		if v.limit >= 0 {
			f.evict(i, f.onNodes(i)-v.limit)
		}
	}
	f.sweep()
	f.place()
}

// evict takes the nodes of some pods of a variant, drawn at random: a cloud does not ask which. A pod with
// notice drains until its node goes; the replica set replaces it at once.
func (f *Fleet) evict(i, count int) {
	for ; count > 0; count-- {
		at := f.spot.IntN(f.onNodes(i))
		for _, p := range f.pods {
			if p.variant != i || !p.placed || p.evicted || p.state == Gone {
				continue
			}
			if at--; at < 0 {
				f.reclaim(p)
				break
			}
		}
	}
	f.restore(i)
}

func (f *Fleet) reclaim(p *Pod) {
	p.evicted = true
	f.account.evictions++
	if p.state == Starting {
		p.state = Gone
		return
	}
	if p.state == Ready {
		p.state, p.drainAt = Draining, f.now
	}
	p.killAt = min(p.killAt, f.now+f.variants[p.variant].Notice.Seconds())
}

func (f *Fleet) stop(p *Pod) {
	if p.state == Starting {
		p.state = Gone
		return
	}
	p.state, p.drainAt = Draining, f.now
	if grace := f.variants[p.variant].Grace; grace > 0 {
		p.killAt = f.now + grace.Seconds()
	}
	if p.rep.Load() == 0 {
		p.state = Gone
	}
}

// sweep books the pods that are gone and forgets them.
func (f *Fleet) sweep() {
	kept := f.pods[:0]
	for _, p := range f.pods {
		if p.state != Gone {
			kept = append(kept, p)
			continue
		}
		v := f.variants[p.variant]
		if !p.placed {
			f.unplaced--
			continue
		}
		v.billed += f.now - p.placedAt
		f.cfg.Quota.give(v.GPUs)
		if p.rep != nil {
			f.account.retired.add(p.rep.stats())
		}
	}
	clear(f.pods[len(kept):])
	f.pods = kept
}

// nextChange is the next moment at which a pod or the number of nodes changes, or a held request gives up.
func (f *Fleet) nextChange() float64 {
	at := f.patience.expiry(&f.held)
	for _, v := range f.variants {
		at = min(at, v.nextStep())
	}
	for _, p := range f.pods {
		switch p.state {
		case Starting:
			at = min(at, p.readyAt)
		case Draining:
			at = min(at, p.killAt, p.rep.Next())
		case Ready, Gone:
		}
	}
	return at
}

// nextEvent is the next moment at which anything happens inside a replica.
func (f *Fleet) nextEvent() float64 {
	at := math.Inf(1)
	for _, p := range f.pods {
		if p.rep != nil {
			at = min(at, p.rep.Next())
		}
	}
	return at
}

// changeStates moves pods along whose moment has come.
func (f *Fleet) changeStates() {
	gone := false
	for _, p := range f.pods {
		switch {
		case p.state == Starting && p.readyAt <= f.now:
			f.makeReady(p)
		case p.state == Draining && p.killAt <= f.now:
			p.rep.Kill(f.now)
			p.state, gone = Gone, true
		case p.state == Draining && p.rep.Load() == 0:
			p.state, gone = Gone, true
		}
	}
	if gone {
		f.sweep()
	}
	for _, v := range f.variants {
		if v.nextStep() <= f.now {
			f.stepNodes()
			break
		}
	}
	if f.unplaced > 0 {
		f.place()
	}
}
