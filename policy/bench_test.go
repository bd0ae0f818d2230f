package policy

import (
	"fmt"
	"testing"
)

// tenThousand are proposals of six replicas each, and a budget that grants four
// in five of them.
func tenThousand() ([]Budget, []Proposal) {
	ps := make([]Proposal, 10_000)
	for i := range ps {
		ps[i] = wish{
			name: fmt.Sprintf("m%05d", i), want: 6, now: 4, floor: 1, priority: i % 3, value: float64(i%97) / 97,
		}.proposal()
	}
	return []Budget{{Limit: 48_000}}, ps
}

func BenchmarkAllocate10000Models(b *testing.B) {
	tight, ps := tenThousand()
	for name, budgets := range map[string][]Budget{"room for all": nil, "a budget binds": tight} {
		b.Run(name, func(b *testing.B) {
			var w Workspace
			b.ReportAllocs()
			for b.Loop() {
				w.Reclaim()
				w.Allocate(budgets, &Plan{}, ps)
			}
		})
	}
}

func BenchmarkProposeOneModel(b *testing.B) {
	s := with(6, scene{arrivals: 45, peak: 60, running: 100, kv: 0.5, ttft: 0.4})
	m, l, in, f := s.model(), s.learned(), s.input(), s.forecast(b)
	var w Workspace
	b.ReportAllocs()
	for b.Loop() {
		w.Reclaim()
		w.Propose(&m, &l, &in, &f)
	}
}

func BenchmarkObserveOneModel(b *testing.B) {
	s := with(6, scene{arrivals: 45, running: 100, kv: 0.5, ttft: 0.4})
	m, in := s.model(), s.input()
	var w Workspace
	l := Learned{}
	b.ReportAllocs()
	for b.Loop() {
		l = w.Observe(&m, &l, &in)
	}
}
