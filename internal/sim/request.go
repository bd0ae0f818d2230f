package sim

// Request is one request on its way through the world. Moments are seconds since the start.
type Request struct {
	ID        uint64
	Arrived   float64
	Prompt    float64 // tokens
	Output    float64 // tokens it will generate in total
	Truncated bool    // it ends because of a length limit
	Session   uint64  // conversation, 0 = none
	Prefix    float64 // leading prompt tokens that the session had before

	produced   float64 // output tokens generated so far
	toPrefill  float64 // prompt tokens to compute at this admission
	admitted   float64 // moment of the last admission
	firstToken float64 // moment, or negative
	endsAt     float64 // on a slot server
	withinSLO  bool
	end        Ending
	arrival    Arrival // as the client sent it
}

// Reason says how a request ended, in vLLM's finished_reason values.
type Reason uint8

// The reasons, in exposition order.
const (
	Stop Reason = iota
	Length
	Abort
	reasons
)

var reasonNames = [reasons]string{"stop", "length", "abort"}

// String is the value of the finished_reason label.
func (r Reason) String() string { return reasonNames[r] }

// Ending says how a request ended for its client.
type Ending uint8

// The endings.
const (
	Answered Ending = iota
	Refused         // 429: a queue was full
	GaveUp          // no first token within the client's or the gateway's patience
	CutOff          // the replica went while the request was there
	endings
)

// String is the ending in words.
func (e Ending) String() string {
	return [endings]string{"answered", "refused", "gave up", "cut off"}[e]
}

// Sink hears what happens to requests inside a replica. The request may be reused after Finished returns.
type Sink interface {
	FirstToken(r *Request, now float64)
	Finished(r *Request, now float64, why Reason)
}

// Stats are the counters of one replica since it became ready.
type Stats struct {
	PromptTokens    float64
	GeneratedTokens float64
	PrefixQueries   float64 // prompt tokens looked up
	PrefixHits      float64 // of which found
	Preemptions     uint64
	Finished        [reasons]uint64
	TTFT            Histogram
	ITL             Histogram
	Latency         Histogram
	QueueTime       Histogram
}

func newStats() Stats {
	return Stats{
		TTFT:      newHistogram(ttftBounds),
		ITL:       newHistogram(itlBounds),
		Latency:   newHistogram(latencyBounds),
		QueueTime: newHistogram(latencyBounds),
	}
}

// add counts what another replica has; of the histograms only ITL.
func (s *Stats) add(o *Stats) {
	s.PromptTokens += o.PromptTokens
	s.GeneratedTokens += o.GeneratedTokens
	s.PrefixQueries += o.PrefixQueries
	s.PrefixHits += o.PrefixHits
	s.Preemptions += o.Preemptions
	for i, n := range o.Finished {
		s.Finished[i] += n
	}
	s.ITL.add(&o.ITL)
}

// patience is how long requests wait for a first token before their clients give up, in seconds; 0 is for
// ever.
type patience float64

// expiry is the moment at which the next of the waiting gives up, +Inf if none does. Preempted requests,
// which have had their first token, stay; they can only be at the front.
func (p patience) expiry(waiting *queue) float64 {
	if i := p.firstWithout(waiting); i >= 0 {
		return waiting.at(i).Arrived + float64(p)
	}
	return never
}

// expired takes the next of the waiting whose time is up out of the queue; nil if there is none.
func (p patience) expired(waiting *queue, now float64) *Request {
	i := p.firstWithout(waiting)
	if i < 0 || waiting.at(i).Arrived+float64(p) > now {
		return nil
	}
	q := waiting.remove(i)
	q.end = GaveUp
	return q
}

func (p patience) firstWithout(waiting *queue) int {
	if p <= 0 {
		return -1
	}
	for i := range waiting.len() {
		if waiting.at(i).firstToken < 0 {
			return i
		}
	}
	return -1
}
