package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/forewarm/forewarm/internal/sim/trace"
	"github.com/forewarm/forewarm/policy"
)

// VariantConfig is one deployment that serves the model.
type VariantConfig struct {
	Deployment   string
	CapacityType policy.CapacityType // "" means on-demand
	Replica      ReplicaConfig
	Slots        *SlotsConfig // if set, pods are Slots servers and Replica is not used
	WarmUp       WarmUp
	GPUs         int           // per replica
	GPUHourUSD   float64       // price of one GPU for one hour
	Grace        time.Duration // a draining replica is killed after this; 0 means never
	Replicas     int           // at the start, already warm
	Nodes        []NodeStep    // how many replicas find a node; none means all do
	Notice       time.Duration // from learning that a node goes to its end
	Spread       float64       // of what each pod can do, see ReplicaConfig.Vary; 0 = all alike
}

// NodeStep says how many replicas of a variant find a node from a moment on, counted from the start of
// the world. Before the first step there is no limit.
type NodeStep struct {
	After time.Duration
	Nodes int
}

// SpotNodes turns a spot trace into steps, all zones together; ticks without a change make none.
func SpotNodes(s trace.Spot, nodesPerReplica int) []NodeStep {
	var out []NodeStep
	for i, n := range s.Total() {
		n /= max(1, nodesPerReplica)
		if len(out) == 0 || out[len(out)-1].Nodes != n {
			out = append(out, NodeStep{time.Duration(i) * s.Tick, n})
		}
	}
	return out
}

// Quota is a limit on GPUs that several fleets may share; pods beyond it stay pending. Fleets that share
// one are advanced together, step by step.
type Quota struct {
	Limit int // GPUs
	used  int
}

// Used is how many GPUs of the quota are taken.
func (q *Quota) Used() int { return q.used }

func (q *Quota) take(gpus int) bool {
	if q == nil {
		return true
	}
	if q.used+gpus > q.Limit {
		return false
	}
	q.used += gpus
	return true
}

func (q *Quota) give(gpus int) {
	if q != nil {
		q.used -= gpus
	}
}

func (c VariantConfig) check() error {
	var p problems
	p.want(c.Deployment != "", "deployment: want a name, got none")
	p.want(c.CapacityType == "" || c.CapacityType == policy.OnDemand || c.CapacityType == policy.Spot ||
		c.CapacityType == policy.Reserved, "capacityType: want on-demand, spot or reserved, got %q", c.CapacityType)
	p.want(c.WarmUp.Mean > 0, "warmUp.mean: want above 0, got %v", c.WarmUp.Mean)
	p.want(c.WarmUp.Sigma >= 0, "warmUp.sigma: want at least 0, got %g", c.WarmUp.Sigma)
	p.want(c.GPUs > 0, "gpus: want above 0, got %d", c.GPUs)
	p.want(c.GPUHourUSD >= 0, "gpuHourUSD: want at least 0, got %g", c.GPUHourUSD)
	p.want(c.Grace >= 0, "grace: want at least 0, got %v", c.Grace)
	p.want(c.Replicas >= 0, "replicas: want at least 0, got %d", c.Replicas)
	p.want(c.Notice >= 0, "notice: want at least 0, got %v", c.Notice)
	p.want(c.Spread >= 0, "spread: want at least 0, got %g", c.Spread)
	for i, n := range c.Nodes {
		p.want(n.Nodes >= 0, "nodes[%d]: want at least 0, got %d", i, n.Nodes)
		p.want(i == 0 || n.After > c.Nodes[i-1].After, "nodes[%d].after: want ascending, got %v", i, n.After)
	}
	if c.Slots != nil {
		p.within("slots", c.Slots.check())
	} else {
		p.within("replica", c.Replica.check())
	}
	return p.join()
}

// problems gathers what is out of range.
type problems struct{ errs []error }

func (p *problems) want(ok bool, format string, args ...any) {
	if !ok {
		p.errs = append(p.errs, fmt.Errorf(format, args...))
	}
}

func (p *problems) within(field string, err error) {
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s: %w", field, err))
	}
}

func (p *problems) join() error { return errors.Join(p.errs...) }

// variant is a deployment at work.
type variant struct {
	VariantConfig
	desired int
	hash    string // of the replica set
	step    int    // of Nodes, the next to come
	limit   int    // nodes now, negative for no limit
	billed  float64
}

func (v *variant) replicaSet() string { return v.Deployment + "-" + v.hash }

// patience is that of the clients of the variant's servers.
func (v *variant) patience() time.Duration {
	if v.Slots != nil {
		return v.Slots.RequestTimeout
	}
	return v.Replica.RequestTimeout
}

// nextStep is the moment at which the number of nodes changes, +Inf if it does not any more.
func (v *variant) nextStep() float64 {
	if v.step < len(v.Nodes) {
		return v.Nodes[v.step].After.Seconds()
	}
	return never
}
