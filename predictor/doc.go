// Package predictor turns a history of demand into quantiles of what comes next.
//
// It is pure: no clock, no I/O, no goroutine. Times come in as arguments, and
// the same history at the same moment gives the same forecast, bit for bit.
// Demand is forecast in raw units (requests per second), never in replicas:
// what a replica can do is learned elsewhere and changes when it is re-learned.
package predictor
