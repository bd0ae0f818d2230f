package policy

import "time"

const (
	// clientTimeout is how long a request is assumed to wait before its client
	// gives up: a backlog cannot be older than that.
	clientTimeout = 2 * time.Minute
	// drainTime is how fast the backlog that remains when help arrives should go.
	drainTime = time.Minute
)

// ruleBacklog orders for what will still be waiting when help can arrive, not
// for what waits now:
//
//	B(W) = max(0, B + arrivals*W - supply due within W)
//
// in requests, at most what clients would still be waiting for. Pending requests
// enter the policy here and nowhere else.
func ruleBacklog(d *draft) {
	waiting, known := pendingRequests(d.in.Signals)
	if !known || waiting <= 0 {
		return
	}
	arrivals := d.in.Signals.Arrivals.Value
	lead := Lead(d.m, d.l, d.in)
	left := max(0, waiting+arrivals*lead.Seconds()-supplyDue(d, lead))
	left = min(left, max(waiting, arrivals*clientTimeout.Seconds()))
	d.need = d.need.plus(d.perRequest.scale(left / drainTime.Seconds()))
	d.step("backlog", 0, 0, [4]float64{waiting, left, lead.Seconds(), drainTime.Seconds()})
}

// pendingRequests sums what is known to wait; a lower bound where a pod is silent.
func pendingRequests(s Signals) (float64, bool) {
	sum, known := 0.0, false
	if s.GatewayQueue.Known {
		sum, known = s.GatewayQueue.Value, true
	}
	for _, p := range s.Pods {
		if p.Pending.Known {
			sum, known = sum+p.Pending.Value, true
		}
	}
	return sum, known
}

// standing says that a queue is more than the ripple of a busy engine: at least
// one request, and a tenth of those running.
func standing(waiting, running float64) bool { return waiting >= max(1, running/10) }

// supplyDue is how many requests the replicas there and on their way serve
// within a lead: ready ones all the time, starting ones from when they are due.
func supplyDue(d *draft, lead time.Duration) float64 {
	sum := 0.0
	for i := range d.m.Variants {
		s, rate := supplyOf(d.in, i), d.caps[i].carries(d.perRequest)
		sum += float64(s.Ready) * rate * lead.Seconds()
		warm := WarmUp(d.m, d.l, d.in, i)
		for _, age := range s.loading() {
			sum += rate * (lead - min(max(warm-age, 0), lead)).Seconds()
		}
	}
	return sum
}
