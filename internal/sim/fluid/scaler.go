package fluid

import "time"

// Observation is what a policy gets to know at the beginning of a tick. Rates and engine metrics were measured
// before it, replicas are as the cluster shows them now. It is valid until Decide returns.
type Observation struct {
	Tick int
	Now  time.Time

	Rate    float64       // requests/s arriving, as the World's Sight shows it
	RateAge time.Duration // how long before Now that measurement ended, or for exact sight began
	Known   bool          // false until there is a measurement
	Recent  float64       // requests/s of the last finished tick, for systems with a metrics pipe of their own

	// AtFinish says that nobody counts arrivals: Rate is requests/s that engines finished, and Balance that and the
	// change of what is in flight, which is the arrivals but for those that left unserved.
	AtFinish bool
	Balance  float64

	// Replicas of all pools together. With one pool, Warming and WarmUps are its; else see Pools.
	Spec    int             // replicas asked for
	Ready   int             // serving
	Warming []time.Duration // how long each starting replica has been starting, oldest first
	WarmUps []time.Duration // warm-ups that ended with this tick

	Pools []View // one per pool of the World, in its order

	Engines    Engines
	EnginesAge time.Duration
	Blind      bool // nothing is known of the engines: Engines is as good as noise
}

// View is what the cluster shows of one pool.
type View struct {
	Pool                      // as configured, without what nobody knows: Nodes is empty
	Spec      int             // replicas asked for
	Ready     int             // serving, without those that were given notice
	Serving   int             // with them
	Reporting int             // of Serving, those that served when Engines was measured
	Homeless  int             // starting ones without a node
	Starved   int             // starting ones that have waited for a node for too long
	Warming   []time.Duration // how long each starting replica has been asked for, oldest first
	WarmUps   []time.Duration // from order to ready, of those that became ready with this tick
}

// Engines is what the replicas' own metrics said at the end of the last tick, or when they were measured last.
type Engines struct {
	Pods        int     // replicas that were serving then
	Strong      float64 // of them, in replicas of speed 1
	Alike       float64 // the same if the replicas of a pool did not differ
	Completions float64 // requests/s, all replicas together
	Running     float64 // requests in slots
	Pending     float64 // requests in queues
	KV          float64 // mean KV-cache use of the serving replicas, 0..1
	TTFT        float64 // p95 in seconds
}

// Scaler is a policy. Decide returns the replicas it wants; the World's limits are applied to the answer. A
// Scaler is for one run.
type Scaler interface {
	Decide(o *Observation) int
}

// Mixer is a Scaler for several pools: DecideAll writes the replicas it wants of each into want, which holds what
// is asked for now. Other Scalers decide on the first pool, and the others stay as they are.
type Mixer interface {
	Scaler
	DecideAll(o *Observation, want []int)
}

// Learner is a Scaler that can look on while another leads the fleet, as a product does that is installed where
// there is a past to read: through the burn-in, but for its last Handover, Learn is called instead of Decide,
// and the fleet is an Incumbent's.
type Learner interface {
	Scaler
	Learn(o *Observation)
}

// Handover is how long before the end of the burn-in a Learner begins to decide.
const Handover = time.Hour

// ScalerFunc is a function as a Scaler.
type ScalerFunc func(o *Observation) int

// Decide calls f.
func (f ScalerFunc) Decide(o *Observation) int { return f(o) }
