package sim

import "slices"

// Saturation is when one server gives its first tokens and completes requests while there is a backlog, preemption
// included, in seconds and ascending.
type Saturation struct{ First, Done []float64 }

// Saturated runs one server of a variant, empty at the start and never short of requests of one size, up to a horizon.
func Saturated(v VariantConfig, prompt, output, horizon float64) Saturation {
	var first listener
	var s Server
	if v.Slots != nil {
		c := *v.Slots
		c.MaxQueue, c.RequestTimeout = 0, 0
		s = NewSlots(c, 0, &first, 1)
	} else {
		c := v.Replica
		c.MaxQueue, c.RequestTimeout = 0, 0
		s = NewReplica(c, 0, &first)
	}
	const ahead = 1000 // more than any batch and its queue
	for now, id := 0.0, uint64(0); now <= horizon; now = s.Next() {
		s.Advance(now)
		for s.Load() < ahead {
			id++
			s.Enqueue(&Request{ID: id, Arrived: now, Prompt: prompt, Output: output, firstToken: -1}, now)
		}
	}
	slices.Sort(first.First)
	slices.Sort(first.Done)
	return first.Saturation
}

// listener keeps the moments.
type listener struct{ Saturation }

func (l *listener) FirstToken(_ *Request, now float64)         { l.First = append(l.First, now) }
func (l *listener) Finished(_ *Request, now float64, _ Reason) { l.Done = append(l.Done, now) }
