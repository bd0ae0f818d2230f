// Package fluid is the fast half of the simulator: demand is a rate that flows, replicas are a capacity that
// carries it, and time goes in ticks. It answers how much a policy pays and how often demand exceeds what is
// ready; it knows nothing of single requests, which is what package sim is for.
//
//	Load      the demand, one rate per tick
//	World     what a replica carries, how long it warms up, what a policy gets to see
//	Scaler    a policy: Observation in, wanted replicas out
//	Forewarm  the real product as a Scaler: the engine's own Tick on virtual time
//	Run       drives a Scaler through a Load; Result is what came of it
//	Resolution is what plays a course: the course itself, or package world request by request
//	Yardstick runs policies x parameters x cells and says what they are worth
//
// One tick, in this order: replicas whose warm-up is over become ready; the policy is shown what was measured
// up to the beginning of the tick and answers; replicas are ordered or given back; demand flows.
//
// Two runs of the same inputs give the same bytes. Nothing here knows a wall clock.
package fluid
