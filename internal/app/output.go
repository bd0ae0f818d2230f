package app

import (
	"context"
	"time"

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/scaler"
)

// Output is one way in which decisions leave the process: the custom metrics API,
// the KEDA scaler. It renders what the View shows and decides nothing; it does no
// I/O while it answers. An Output that is also a prometheus.Collector, or
// a prometheus.Gatherer, or both, has its metrics on the own HTTP server.
type Output interface {
	// Name is a word for logs, readiness and errors.
	Name() string
	// Run serves until the context ends, then lets requests in flight finish and
	// returns nil. An earlier return ends the server.
	Run(ctx context.Context) error
	// Ready is nil once requests can be answered. It must not depend on Prometheus:
	// without data the answer to a request is an error, which clients hold on.
	Ready() error
}

// NewOutput builds an output that reads a View. It is called before anything is
// read, so that what is wrong with an output's options is said at once.
type NewOutput func(View) (Output, error)

// View is what outputs see, from memory. All of it may be called at any time, from
// any goroutine.
type View struct {
	// Snapshot is the newest tick, whole and immutable; nil until history was
	// replayed. Its models say what serves them: Model.Engine and Variant.Target.
	Snapshot func() *policy.Snapshot
	// Watch is Snapshot with a channel that is closed as soon as a newer one is there.
	Watch func() (*policy.Snapshot, <-chan struct{})
	// Missing says why a model is not in the snapshot; empty = not known.
	Missing func(id policy.ModelID) string
	// Claimed is the target of what a ScaledObject defines, or why its definition is not
	// taken. With neither it was not seen yet.
	Claimed func(scaler.Claim) (target policy.Target, why string)
	// HoldFor is how long a held decision may be served; see Decision.Expired.
	HoldFor func() time.Duration
	// MaxAge is the age beyond which a reading is no answer.
	MaxAge func() time.Duration
	// Now is the wall clock.
	Now func() time.Time
}
