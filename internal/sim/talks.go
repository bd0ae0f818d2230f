package sim

import "math/rand/v2"

// talks hands out turns of conversations. Its memory is the conversations open at a time.
type talks struct {
	cfg  Sessions
	rng  *rand.Rand
	open []talk
	last uint64
}

type talk struct {
	session uint64
	context int // tokens said so far
}

func newTalks(seed uint64, cfg Sessions) *talks {
	return &talks{cfg: cfg, rng: source(seed, purposeSessions)}
}

// turn makes an arrival the next turn of an open conversation, or with probability 1/Turns the first of a
// new one, which takes the place of another once as many are open as may be.
func (t *talks) turn(a *Arrival) {
	fresh := len(t.open) == 0 || t.rng.Float64()*t.cfg.Turns < 1
	at := len(t.open)
	if !fresh || at == t.cfg.Active {
		at = t.rng.IntN(len(t.open))
	}
	if !fresh && t.open[at].context+a.Prompt+a.Output > t.cfg.Context {
		fresh = true
	}
	if at == len(t.open) {
		t.open = append(t.open, talk{})
	}
	k := &t.open[at]
	if fresh {
		t.last++
		*k = talk{session: t.last}
	}
	a.Session, a.Prefix = k.session, k.context
	a.Prompt += k.context
	k.context = a.Prompt + a.Output
}
