// Package world lets the real engine, and rivals, scale a simulated fleet on virtual time: World implements
// engine.Source, Run closes the loop.
//
//	requests -> sim.Fleet -> scrapes at each target's own phase -> World.At -> engine.Tick -> Plan
//	    ^                                                                                      |
//	    +------------- replicas, when the HPA next looks (its own phase) <---------------------+
//
// At gives what package signals would give from the same scrapes through Prometheus: the vLLM preset for
// pods, llm-d's endpoint picker as gateway, kube-state-metrics for supply; rates over the same window
// with the same ages, the same reasons for being partial. A test compares the two. Scrapes are numbers here
// (sim.Scrape), not text, which is what makes a day take a second; the demo takes the long way through
// text, PromQL and HTTP.
//
// Not here: duplicate series, restarts of a pod in place, several Prometheus servers, and the
// sentences that go with faults.
package world
