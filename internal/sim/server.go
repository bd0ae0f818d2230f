package sim

// Server is a replica model: what serves requests inside a pod. Replica (continuous batching) and Slots
// (a fixed number of servers) implement it; conclusions should hold on both.
//
// A Server is advanced from event to event; moments never go back.
type Server interface {
	// Enqueue hands over a request; false means that the queue is full.
	Enqueue(q *Request, now float64) bool
	// Advance handles every event up to and including a moment.
	Advance(to float64)
	// Kill ends everything that is there.
	Kill(now float64)
	// Next is the moment of the next event, +Inf when idle.
	Next() float64
	Running() int
	Waiting() int
	// Load is all requests there.
	Load() int
	// KVUse is the share of the KV cache in use, 0..1.
	KVUse() float64
	// Cached is how many prompt tokens of a request it would find in its prefix cache.
	Cached(q *Request) float64

	stats() *Stats
	info() string // labels of the info metric
	eachWithoutToken(f func(*Request))
}

var (
	_ Server = (*Replica)(nil)
	_ Server = (*Slots)(nil)
)
