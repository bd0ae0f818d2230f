package sim

import (
	"fmt"
	"math/rand/v2"
)

// State is where a pod is in its life.
type State uint8

// A pod goes through the states in this order; a pod scaled down while starting skips to Gone.
const (
	Starting State = iota // ordered, billed, not serving
	Ready
	Draining // no new requests, finishes what it has
	Gone
)

// String is the state in lower case.
func (s State) String() string {
	return [...]string{"starting", "ready", "draining", "gone"}[s]
}

// Pod is one replica with its place in the cluster.
type Pod struct {
	name     string
	uid      string
	instance string
	labels   string // inside the braces of every engine series
	kube     string // inside the braces of every kube_pod series
	variant  int
	key      uint64 // of the name, for hashing
	state    State
	placed   bool    // it has a node
	evicted  bool    // and is losing it
	created  float64 // ordered
	placedAt float64
	warmUp   float64 // seconds from having a node to ready
	readyAt  float64 // planned while starting, +Inf without a node; true afterwards
	drainAt  float64 // moment draining began
	killAt   float64 // moment the grace period or the notice ends, +Inf for never
	rep      Server
	buf      text // of the last exposition, kept for the next
}

// Name is the pod's name, deployment-hash-suffix.
func (p *Pod) Name() string { return p.name }

// UID identifies the pod for ever.
func (p *Pod) UID() string { return p.uid }

// Instance is the address a scraper would use.
func (p *Pod) Instance() string { return p.instance }

// State is where the pod is in its life.
func (p *Pod) State() State { return p.state }

// Serving says whether the engine answers a scrape: it does so only once the model is loaded.
func (p *Pod) Serving() bool { return p.state == Ready || p.state == Draining }

// Placed says whether the pod has a node. A starting pod without one is pending and is not billed.
func (p *Pod) Placed() bool { return p.placed }

// Variant is the index of the pod's deployment in Fleet.Variants.
func (p *Pod) Variant() int { return p.variant }

// Server is the engine in the pod, whichever model it is; nil while it is starting.
func (p *Pod) Server() Server { return p.rep }

// Replica is the engine in the pod; nil while it is starting, or if it is another Server.
func (p *Pod) Replica() *Replica {
	r, _ := p.rep.(*Replica)
	return r
}

// safeLetters are the ones Kubernetes uses for generated names: no vowels, no lookalikes.
const safeLetters = "bcdfghjklmnpqrstvwxz2456789"

func letters(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = safeLetters[rng.IntN(len(safeLetters))]
	}
	return string(b)
}

func newUID(rng *rand.Rand) string {
	a, b := rng.Uint64(), rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x",
		a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}
