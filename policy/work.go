package policy

// dims are the dimensions in which demand and capacity are compared. Concurrency
// is not among them: requests in flight are an effect of supply, so they only
// set a floor (ruleFloor).
func (w Work) dims() [3]float64 { return [3]float64{w.Requests, w.PromptTokens, w.OutputTokens} }

func (w Work) scale(k float64) Work {
	return Work{w.Requests * k, w.PromptTokens * k, w.OutputTokens * k, w.Concurrency * k}
}

func (w Work) highest(o Work) Work { return Work(Capacity(w).highest(Capacity(o))) }

func (w Work) plus(o Work) Work {
	return Work{
		w.Requests + o.Requests, w.PromptTokens + o.PromptTokens, w.OutputTokens + o.OutputTokens,
		w.Concurrency + o.Concurrency,
	}
}

// WorkPerRequest is what one request asks for: its tokens where they were
// measured, else just itself.
func WorkPerRequest(l Learned) Work { return workPerRequest(&l) }

func workPerRequest(l *Learned) Work {
	w := Work{Requests: 1}
	if l.Request.known() {
		if l.Request.Prompted > 0 {
			w.PromptTokens = l.Request.Prompt / l.Request.Prompted
		}
		w.OutputTokens = l.Request.Output / l.Request.Count
	}
	return w
}

// covered says whether replicas carry a demand: in every dimension that a
// variant's capacity bounds, replicas x capacity >= demand. A dimension that no
// variant bounds asks for nothing.
func covered(caps []Capacity, counts []int, need Work) bool {
	return shortfall(caps, counts, need) <= 1e-9
}

// shortfall is the largest share of a dimension's demand that is not carried,
// 0..1.
func shortfall(caps []Capacity, counts []int, need Work) float64 {
	worst := 0.0
	for d, want := range need.dims() {
		if want <= 0 {
			continue
		}
		have, bounded := 0.0, false
		for i, c := range caps {
			per := Work(c).dims()[d]
			bounded = bounded || per > 0
			have += float64(counts[i]) * per
		}
		if bounded {
			worst = max(worst, 1-have/want)
		}
	}
	return worst
}

// ruleWork turns arrivals now into work now.
func ruleWork(d *draft) {
	d.perRequest = workPerRequest(&d.l)
	a := d.in.Signals.Arrivals
	if !a.Known {
		d.step("arrivals-unknown", 0, 0, [4]float64{})
		return
	}
	d.now = d.perRequest.scale(a.Value)
	d.need = d.now
	why := WhyCode("arrivals-gateway")
	if d.in.Signals.ArrivalSource != FromGateway {
		why = "arrivals-completions"
	}
	d.step(why, 0, 0, [4]float64{a.Value, d.now.OutputTokens, d.now.PromptTokens, a.Age.Seconds()})
	if first := FirstAttempts(&d.l, &d.in); first < a.Value {
		d.step("retries", 0, 0, [4]float64{a.Value, d.in.Signals.Refused.Value, first})
	}
}
