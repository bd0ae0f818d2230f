package fluid

import "time"

// finishes count requests as engines do where no gateway counts arrivals: when they are done, which is Service after
// they got a slot. What arrived follows from that and the change of what is in flight, but for those who gave up
// waiting: to the engines they never were. Nil where arrivals are counted.
type finishes struct {
	step    float64
	done    *scrapes  // of what was finished
	balance *scrapes  // of that and the change in flight
	served  []float64 // ring of requests per tick that got a slot
	ticks   int
	lag     float64 // Service in ticks
	waiting float64 // at the end of the tick before
	rate    float64 // requests/s finished in the last tick
}

func newFinishes(w World, step time.Duration) *finishes {
	if !w.AtFinish {
		return nil
	}
	lag := w.Replica.Service.Seconds() / step.Seconds()
	return &finishes{
		step: step.Seconds(), done: newScrapes(w.Sight, step), balance: newScrapes(w.Sight, step),
		served: make([]float64, int(lag)+2), lag: lag,
	}
}

// flow books what the vessel did in a tick.
func (f *finishes) flow(v *vessel) {
	if f == nil {
		return
	}
	served := v.engines.Completions * f.step
	f.served[f.ticks%len(f.served)] = served
	f.ticks++
	whole := int(f.lag)
	part := f.lag - float64(whole)
	f.rate = ((1-part)*f.ago(whole) + part*f.ago(whole+1)) / f.step
	v.engines.Completions = f.rate
	f.done.flow(f.rate)
	f.balance.flow(max(served+v.waiting-f.waiting, 0) / f.step)
	f.waiting = v.waiting
}

// ago is what got a slot so many ticks before the last one.
func (f *finishes) ago(ticks int) float64 {
	i := f.ticks - 1 - ticks
	if i < 0 {
		return 0
	}
	return f.served[i%len(f.served)]
}

// show puts what engines count in the place of arrivals. Where no engine runs, none says anything.
func (f *finishes) show(o *Observation) {
	if f == nil {
		return
	}
	o.AtFinish = true
	o.Rate, o.RateAge, o.Known = f.done.rate()
	o.Balance, _, _ = f.balance.rate()
	o.Known = o.Known && o.Engines.Pods > 0
}
