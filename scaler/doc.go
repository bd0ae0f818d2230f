// Package scaler answers KEDA: it is an external scaler (gRPC) that renders the
// plan on the Board and decides nothing.
//
//	ref ─▶ Trigger (parsed, cached) ─▶ one snapshot ─▶ answer: value, active, or a gRPC error
//
// What KEDA makes of an answer, and why the answers are as they are:
//
//   - It puts no deadline on its calls, so every handler answers from memory.
//   - It asks GetMetricSpec all the time and builds the HPA without a metric that
//     fails, so the spec is a function of the metadata alone.
//   - It turns NaN into 0 and holds on an error, so what is not known is an error.
//   - It takes N replicas to 0 at once when a trigger is inactive, so inactive is only
//     what the policy proved, or what is at zero already.
//   - It spreads calls over all replicas, so there is no state between calls.
package scaler
