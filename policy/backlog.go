package policy

import "time"

const (
	// clientTimeout is how long a request is assumed to wait before its client
	// gives up: a backlog cannot be older than that.
	clientTimeout = 2 * time.Minute
	// helpDelay is what passes between a queue being seen and a replica being asked
	// for: our tick and the autoscaler's sync. A queue is a gauge, so unlike a rate
	// it has no window.
	helpDelay = 30 * time.Second
)

// ruleBacklog orders for what will still be waiting when help can arrive, not
// for what waits now:
//
//	B(W) = max(0, B + arrivals*W - supply due within W),  W = warm-up + helpDelay
//
// in requests, at most what clients would still be waiting for. It is to be gone
// another W later: more replicas would end the wait at most twice as soon, at a
// multiple of the price, for requests that are late already. Pending requests
// enter the policy here, and in the rate at which they grow (ruleBurst).
func ruleBacklog(d *draft) {
	waiting := d.census.queued
	if !d.census.queueKnown || waiting <= 0 {
		return
	}
	help := d.lead() - controlDelay + helpDelay
	left := max(0, waiting+d.arrivals*help.Seconds()-supplyDue(d, help))
	left = min(left, max(waiting, d.arrivals*clientTimeout.Seconds()))
	d.need = d.need.plus(d.perRequest.scale(left / help.Seconds()))
	d.step("backlog", 0, 0, [4]float64{waiting, left, help.Seconds(), help.Seconds()})
}

// standing says that a queue is more than the ripple of a busy engine: at least
// one request, and a tenth of those running.
func standing(waiting, running float64) bool { return waiting >= max(1, running/10) }

// supplyDue is how many requests the replicas there and on their way serve
// within a lead: ready ones all the time, starting ones from when they are due.
func supplyDue(d *draft, lead time.Duration) float64 {
	sum := 0.0
	for i := range d.m.Variants {
		s, rate := supplyOf(&d.in, i), d.caps[i].carries(d.perRequest)
		sum += float64(s.Ready) * rate * lead.Seconds()
		warm := d.warmUp(i)
		for _, age := range s.loading() {
			sum += rate * (lead - min(max(warm-age, 0), lead)).Seconds()
		}
	}
	return sum
}
