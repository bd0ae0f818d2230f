package fleet

import (
	"slices"
	"time"

	"github.com/forewarm/forewarm/policy"
)

const (
	forgetAfter     = time.Hour
	believableFirst = time.Hour // a longer first readiness of a pod that was there before us is more likely a flap
)

// life is what is remembered of one pod.
type life struct {
	readyAt  time.Time // earliest readiness seen
	seen     time.Time
	reported bool
	unfit    bool          // restarted before it was ready
	waited   time.Duration // for a node
}

// count sorts pods into ready, starting and starved, and hands out each completed
// warm-up once. It returns the names of the pods that should be answering.
//
//	warm-up = first Ready transition - creationTimestamp, of pods without restarts
func (f *Fleet) count(out *policy.Supply, pods []*sketch, at time.Time) []string {
	var ready []string
	for _, p := range pods {
		if p.ended {
			continue
		}
		l := f.follow(p, at)
		if took, ok := l.warmUp(p); ok {
			if l.waited >= policy.NodeWait {
				out.NewNodes = append(out.NewNodes, took)
			} else {
				out.WarmUps = append(out.WarmUps, took)
			}
		}
		if p.leaving {
			continue
		}
		if p.ready.is {
			out.Ready++
			ready = append(ready, p.Name)
			continue
		}
		out.Starting++
		if !l.readyAt.IsZero() {
			continue // it was ready before: its age says nothing about warm-up
		}
		age := max(at.Sub(p.created), 0)
		out.Ages = append(out.Ages, age)
		if !p.scheduled.is {
			out.Homeless++
			if age > f.opt.StarvedAfter {
				out.Starved++
			}
		}
	}
	slices.SortFunc(out.Ages, func(a, b time.Duration) int { return int(min(max(b-a, -1), 1)) })
	slices.Sort(out.WarmUps)
	slices.Sort(out.NewNodes)
	return ready
}

// follow updates what is remembered of a pod.
func (f *Fleet) follow(p *sketch, at time.Time) *life {
	l := f.lives[string(p.UID)]
	if l == nil {
		l = &life{}
		f.lives[string(p.UID)] = l
	}
	l.seen = at
	if l.readyAt.IsZero() && p.restarted {
		l.unfit = true
	}
	if p.scheduled.is && !p.scheduled.since.IsZero() {
		l.waited = p.scheduled.since.Sub(p.created)
	}
	if since := p.ready.since; p.ready.is && !since.IsZero() && (l.readyAt.IsZero() || since.Before(l.readyAt)) {
		l.readyAt = since
	}
	return l
}

// warmUp is handed out once.
func (l *life) warmUp(p *sketch) (time.Duration, bool) {
	if l.unfit || l.reported || l.readyAt.IsZero() {
		return 0, false
	}
	l.reported = true
	took := l.readyAt.Sub(p.created)
	return took, took > 0 && took <= believableFirst
}

// forget drops pods that have been gone for long.
func (f *Fleet) forget(at time.Time) {
	for uid, l := range f.lives {
		if at.Sub(l.seen) > forgetAfter {
			delete(f.lives, uid)
		}
	}
}
