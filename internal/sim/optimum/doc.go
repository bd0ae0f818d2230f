// Package optimum computes the cheapest fleet a clairvoyant could run: it knows all demand and the warm-up,
// never lets demand exceed ready capacity, and may not act before the first tick.
//
// It is the denominator of every cost in the yardstick, so it is computed twice: in closed form per replica
// layer here, and in the tests by a dynamic programme over whole fleets that shares no code with it.
package optimum
