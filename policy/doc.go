// Package policy decides how many replicas each variant of each model should
// have. It is pure: no clock, no I/O, no logger, no goroutine, no map order.
//
//	Observe   what was seen      -> what is learned (takes effect next tick)
//	Propose   one model          -> layers of replicas with their worth
//	Allocate  all models         -> a Plan within shared budgets
//
// Three invariants hold everywhere. Unknown is never zero. Partial data may
// raise a count, never lower it. Zero replicas only on proof.
package policy
