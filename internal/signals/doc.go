// Package signals reads what inference engines, gateways and kube-state-metrics
// export to Prometheus and turns it into policy inputs.
//
//	client -> Window (raw samples, true timestamps) -> Preset tables -> policy.Signals, policy.Supply
//
// Gauges and counters are fetched raw by range selector, for all models of a
// source at once; counter resets, duplicates, staleness and absence are in our
// hands. Histograms go through PromQL. Engines are tables of names, never code.
//
// Absent, zero, stale and invalid are four different things here.
package signals
