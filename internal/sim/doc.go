// Package sim is the world Forewarm is tried against: requests, replicas that batch them, a fleet that
// warms up and drains, and the metrics such a fleet exposes. It knows no wall clock: time is an argument,
// and two runs from one seed give the same bytes.
//
// The parts, in the order a request meets them:
//
//	Workload   draws arrivals from a day shape, a trend, slow wander, flash crowds and bursty gaps
//	Fleet      holds requests while no replica is ready, routes them to the least loaded, bills GPUs
//	Replica    batches continuously: admission by slots and KV room, prefill, decode, preemption
//	Reactive   the plain HPA rule on pending or running requests, the line to beat
//
// Replica, Fleet and Workload are not safe for concurrent use.
//
// Inside the package a moment is a float64 of seconds since the start of the world; only the exported
// surface of Workload, Fleet and Reactive speaks time.Time.
package sim
