// Package sim is the world Forewarm is tried against, request by request: clients, a gateway, replicas that
// batch, deployments that warm up and drain, nodes that go, and the metrics all of it exposes. It knows no
// wall clock: time is an argument, and two runs from one seed give the same bytes.
//
// The parts, in the order a request meets them:
//
//	Workload   draws arrivals: day, week, trend, wander, flash crowds, bursty gaps, conversations (Workloads
//	           names some); NewSeriesWorkload draws them from a recorded series, Replay hands out recorded ones
//	Clients    are a closed loop with think time; Retry makes clients try again
//	Fleet      holds requests at a gateway, routes them, runs several variants on limited nodes and GPUs, bills
//	Server     serves inside a pod: Replica batches continuously, Slots is the other model to check against
//	Expose     writes what vLLM, a gateway and kube-state-metrics would; Faults spoil it; Scrape is the numbers
//	Reactive   is the plain HPA rule on pending or running requests
//	Conditions are the axes along which a world is made hard, for fleets and for package fluid alike
//	Result     is what came of it: TTFT, pace, errors, attainment on first attempts, GPU-seconds, money
//
// Package world closes the loop with the real engine; package trace reads recorded load. Nothing here is safe
// for concurrent use.
//
// Inside the package a moment is a float64 of seconds since the start of the world; only the exported
// surface speaks time.Time.
package sim
