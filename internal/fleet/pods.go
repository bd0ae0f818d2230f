package fleet

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

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
func (f *Fleet) count(out *policy.Supply, pods []corev1.Pod, at time.Time) []string {
	var ready []string
	for i := range pods {
		p := &pods[i]
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
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
		if p.DeletionTimestamp != nil {
			continue
		}
		if isReady, _ := condition(p, corev1.PodReady); isReady {
			out.Ready++
			ready = append(ready, p.Name)
			continue
		}
		out.Starting++
		if !l.readyAt.IsZero() {
			continue // it was ready before: its age says nothing about warm-up
		}
		age := max(at.Sub(p.CreationTimestamp.Time), 0)
		out.Ages = append(out.Ages, age)
		if scheduled, _ := condition(p, corev1.PodScheduled); !scheduled {
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
func (f *Fleet) follow(p *corev1.Pod, at time.Time) *life {
	l := f.lives[string(p.UID)]
	if l == nil {
		l = &life{}
		f.lives[string(p.UID)] = l
	}
	l.seen = at
	if l.readyAt.IsZero() && restarted(p) {
		l.unfit = true
	}
	if scheduled, since := condition(p, corev1.PodScheduled); scheduled && !since.IsZero() {
		l.waited = since.Sub(p.CreationTimestamp.Time)
	}
	if ready, since := condition(p, corev1.PodReady); ready && !since.IsZero() {
		if l.readyAt.IsZero() || since.Before(l.readyAt) {
			l.readyAt = since
		}
	}
	return l
}

// warmUp is handed out once.
func (l *life) warmUp(p *corev1.Pod) (time.Duration, bool) {
	if l.unfit || l.reported || l.readyAt.IsZero() {
		return 0, false
	}
	l.reported = true
	took := l.readyAt.Sub(p.CreationTimestamp.Time)
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

func restarted(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.RestartCount > 0
	})
}

// condition is whether a pod condition is true, and since when.
func condition(p *corev1.Pod, kind corev1.PodConditionType) (bool, time.Time) {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue, c.LastTransitionTime.Time
		}
	}
	return false, time.Time{}
}
