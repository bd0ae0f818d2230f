package fluid

// vessel is what the replicas hold, seen as one: see Replica for the model.
type vessel struct {
	r       Replica
	step    float64
	waiting float64 // requests beyond those that flow through at their pace
	engines Engines
}

// flow lets one tick of demand through. recent is how many requests arrived within Patience, this tick
// included: what queues is the newest of it, the rest has left.
// pods serve, and are as strong as so many replicas.
func (v *vessel) flow(rate float64, pods int, strong, recent float64) {
	came := rate * v.step
	served := min(came+v.waiting, strong*v.r.Rate*v.step)
	flowing := served / v.step * v.r.Service.Seconds()
	inside := flowing + came + v.waiting - served

	slots := strong * v.r.Slots()
	running := min(inside, slots)
	pending := min(inside-running, recent)
	v.waiting = max(running+pending-flowing, 0)

	v.engines = Engines{Pods: pods, Strong: strong, Completions: served / v.step, Running: running, Pending: pending}
	switch {
	case strong > 0:
		v.engines.KV = running / slots
		v.engines.TTFT = v.r.TTFT.Seconds() + pending/(strong*v.r.Rate)
	case pending > 0:
		v.engines.TTFT = v.r.TTFT.Seconds() + v.r.Patience.Seconds()
	}
}
