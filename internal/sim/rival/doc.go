// Package rival re-implements the autoscalers that people run today, as fluid Scalers: what they do, from
// their documentation and source, not how their code does it. Table lists them.
//
// Each rival's constants stand in one block at the top of its file, with the file or paper they come from.
// Where a system's default is meant to be tuned, that is its headroom, swept over fluid.GridSize values.
//
// A fluid world has no single pods and no seconds, so some rules are approximated; each says how. What is
// given to the rivals for nothing: they know the true capacity of a replica, every metric arrives, all
// replicas are alike, and none is ever late but by one tick.
package rival
