// Package promstore is a small Prometheus for the demo and for tests: samples from exposition text kept
// in memory on virtual time, behind the real PromQL engine and the HTTP API of Prometheus.
//
// A Store holds the series. A Target is a scraped endpoint: it adds its labels, an up series, and stale
// markers when a series or the endpoint itself disappears. Handler serves the API. Nothing here reads the
// wall clock: samples carry the times they are given, and Handler is told what now is.
package promstore
