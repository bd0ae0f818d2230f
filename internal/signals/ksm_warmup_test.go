package signals

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWarmUpsAreSeenOnceAndOnlyWhereTheyTeach(t *testing.T) {
	begin := epoch
	at := func(d time.Duration) time.Time { return begin.Add(d) }
	pod := func(created, ready time.Duration) podState {
		p := podState{
			name: "m-a", ownerKind: kindReplicaSet, owner: "m-5f4c8d9b7", created: at(created),
			scheduled: at(created),
		}
		if ready > 0 {
			p.readyAt = at(ready)
		}
		return p
	}
	for name, tc := range map[string]struct {
		state func(now time.Duration) podState // of the pod at each scrape
		want  []time.Duration
		nodes []time.Duration // those that waited for a node
	}{
		"created and ready while we looked": {
			func(time.Duration) podState { return pod(time.Minute, 4*time.Minute) }, []time.Duration{3 * time.Minute}, nil,
		},
		"waited for a node": {
			func(time.Duration) podState {
				p := pod(time.Minute, 6*time.Minute)
				p.scheduled = at(3 * time.Minute)
				return p
			}, nil, []time.Duration{5 * time.Minute},
		},
		"there before we looked": {
			func(time.Duration) podState { return pod(-10*time.Minute, 4*time.Minute) }, nil, nil,
		},
		"restarted on the way": {
			func(now time.Duration) podState {
				p := pod(time.Minute, 6*time.Minute)
				p.restarts = b2f(now > 3*time.Minute)
				return p
			}, nil, nil,
		},
		"restarted afterwards: the first readiness counts": {
			func(now time.Duration) podState {
				p := pod(time.Minute, 3*time.Minute)
				p.restarts = b2f(now > 5*time.Minute)
				return p
			}, []time.Duration{2 * time.Minute}, nil,
		},
		"flapped: the earliest readiness counts": {
			func(now time.Duration) podState {
				if now > 6*time.Minute {
					return pod(time.Minute, 6*time.Minute)
				}
				return pod(time.Minute, 3*time.Minute)
			}, []time.Duration{2 * time.Minute}, nil,
		},
		"never ready": {func(time.Duration) podState { return pod(time.Minute, 0) }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, l := NewWindow(), newPodLives()
			l.since = begin
			k := ksmStore{t, w, "llm"}
			var got, nodes []time.Duration
			for now := time.Duration(0); now <= 8*time.Minute; now += ksmScrape {
				k.deployment(at(now), "m", 1, 0)
				if p := tc.state(now); !p.created.After(at(now)) {
					k.pod(at(now), p)
				}
				c := viewAt(w, at(now))
				l.observe(c)
				first, _, _ := c.supply(bindingOf("llm", "m", "M"), l, DefaultOptions())
				again, _, _ := c.supply(bindingOf("llm", "m", "M"), l, DefaultOptions())
				if !slices.Equal(first[0].WarmUps, again[0].WarmUps) {
					t.Errorf("asking twice at %s: %v, then %v", now, first[0].WarmUps, again[0].WarmUps)
				}
				got, nodes = append(got, first[0].WarmUps...), append(nodes, first[0].NewNodes...)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("warm-ups (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.nodes, nodes); d != "" {
				t.Errorf("warm-ups on new nodes (-want +got):\n%s", d)
			}
		})
	}
}

func TestAPodThatFlapsDoesNotPretendToWarmUp(t *testing.T) {
	w, l := NewWindow(), newPodLives()
	k := ksmStore{t, w, "llm"}
	p := podState{
		name: "m-a", ownerKind: kindReplicaSet, owner: "m-5f4c8d9b7", created: ago(time.Hour),
		readyAt: ago(50 * time.Minute),
	}
	for _, ready := range []bool{true, false} {
		at := epoch
		if ready {
			at = ago(ksmScrape)
		} else {
			p.readyAt = time.Time{}
		}
		k.deployment(at, "m", 1, b2f(ready))
		k.pod(at, p)
		l.observe(viewAt(w, at))
	}
	got, _, _ := viewAt(w, epoch).supply(bindingOf("llm", "m", "M"), l, DefaultOptions())
	if got[0].Starting != 1 || len(got[0].Ages) != 0 {
		t.Errorf("want one starting pod without an age, got %+v", got[0])
	}
}
