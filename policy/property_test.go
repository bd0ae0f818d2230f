package policy

import (
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyScene draws a scene within what sources can say.
func anyScene(t *rapid.T) scene {
	spec := rapid.IntRange(0, 12).Draw(t, "spec")
	ready := rapid.IntRange(0, spec).Draw(t, "ready")
	s := scene{
		spec: spec, ready: ready,
		starved:     rapid.IntRange(0, spec-ready).Draw(t, "starved"),
		arrivals:    rapid.Float64Range(0, 200).Draw(t, "arrivals"),
		peak:        rapid.Float64Range(0, 300).Draw(t, "peak"),
		past:        rapid.Float64Range(0, 300).Draw(t, "past"),
		overshoot:   rapid.Float64Range(0, 10).Draw(t, "overshoot"),
		pending:     rapid.Float64Range(0, 5000).Draw(t, "pending"),
		queue:       rapid.Float64Range(0, 500).Draw(t, "queue"),
		running:     rapid.Float64Range(0, 500).Draw(t, "running"),
		kv:          rapid.Float64Range(0, 1).Draw(t, "kv"),
		ttft:        rapid.Float64Range(0, 5).Draw(t, "ttft"),
		blind:       rapid.Bool().Draw(t, "blind"),
		partial:     rapid.Bool().Draw(t, "partial"),
		noSupply:    rapid.Bool().Draw(t, "noSupply"),
		noForecast:  rapid.Bool().Draw(t, "noForecast"),
		justStarted: rapid.Bool().Draw(t, "justStarted"),
		toZero:      rapid.Bool().Draw(t, "toZero"),
		idleFor:     time.Duration(rapid.IntRange(0, 1000).Draw(t, "idle")) * time.Minute,
		minReplicas: rapid.IntRange(0, 2).Draw(t, "min"),
		maxReplicas: rapid.IntRange(2, 30).Draw(t, "max"),
		stepUp:      rapid.IntRange(0, 4).Draw(t, "stepUp"),
		tolerance:   rapid.SampledFrom([]float64{0, 0.1, 0.5}).Draw(t, "tolerance"),
		fromEngines: rapid.Bool().Draw(t, "fromEngines"),
	}
	for range spec - ready {
		s.ages = append(s.ages, time.Duration(rapid.IntRange(0, 600).Draw(t, "age"))*time.Second)
	}
	return s
}

func wantOf(t *rapid.T, s scene) int {
	return Propose(s.model(), s.learned(), s.input(), s.forecast(t)).Variants[0].Want
}

func TestProposeProperties(t *testing.T) {
	t.Run("within limits, finite, same twice, and the layers add up", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			s := anyScene(t)
			p := Propose(s.model(), s.learned(), s.input(), s.forecast(t))
			if again := Propose(s.model(), s.learned(), s.input(), s.forecast(t)); !reflect.DeepEqual(p, again) {
				t.Fatal("the same input gave two answers")
			}
			v := p.Variants[0]
			if v.Want < s.minReplicas && v.Want > 0 || v.Want > s.maxReplicas || len(p.Layers) != v.Want {
				t.Fatalf("wants %d of [%d, %d] in %d layers", v.Want, s.minReplicas, s.maxReplicas, len(p.Layers))
			}
			for _, step := range p.Steps {
				for _, a := range append(step.Args[:], step.From, step.To) {
					if math.IsNaN(a) || math.IsInf(a, 0) {
						t.Fatalf("step %+v is not finite", step)
					}
				}
				if Sentence(step) == "" {
					t.Fatalf("step %+v has no sentence", step)
				}
			}
		})
	})
	t.Run("unknown and partial never lower", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			s := anyScene(t)
			s.noSupply = false
			if !s.blind && !s.partial {
				s.partial = true
			}
			if got := wantOf(t, s); got < min(s.spec, s.maxReplicas) {
				t.Fatalf("wants %d of %d on incomplete data", got, s.spec)
			}
		})
	})
	t.Run("never zero without proof", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			s := anyScene(t)
			s.spec = max(s.spec, 1)
			if rapid.Bool().Draw(t, "quiet") {
				s.arrivals, s.queue, s.pending, s.running, s.peak, s.past = 0, 0, 0, 0, 0, 0
				s.toZero, s.fromEngines, s.blind, s.partial, s.noSupply = true, false, false, false, false
				s.idleFor = time.Duration(rapid.IntRange(0, 600).Draw(t, "idle, seconds")) * time.Second
			}
			idle := s.toZero && !s.fromEngines && !s.noForecast && !s.blind && !s.partial && !s.noSupply &&
				s.arrivals == 0 && s.queue == 0 && (s.ready == 0 || s.pending == 0 && s.running == 0)
			l := s.learned()
			waited := !l.LastBusy.IsZero() && noon.Sub(l.LastBusy) >= IdleAfter(s.model(), l, s.input())
			if got := wantOf(t, s); got == 0 && (!idle || !waited) {
				t.Fatalf("zero in %+v", s)
			}
		})
	})
	t.Run("more pending, never fewer", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			s := anyScene(t)
			more := s
			more.queue += rapid.Float64Range(0, 1000).Draw(t, "more")
			if a, b := wantOf(t, s), wantOf(t, more); b < a {
				t.Fatalf("%d with %g queued, %d with %g", a, s.queue, b, more.queue)
			}
		})
	})
	t.Run("higher forecast, never fewer", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			s := anyScene(t)
			more := s
			more.peak += rapid.Float64Range(0, 300).Draw(t, "more")
			if a, b := wantOf(t, s), wantOf(t, more); b < a {
				t.Fatalf("%d for a peak of %g, %d for %g", a, s.peak, b, more.peak)
			}
		})
	})
}
