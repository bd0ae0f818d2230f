package policy

import "time"

// Workspace is the memory in which one model after another is observed and proposed for, so that a tick of many
// models allocates little: scratch that is used again, and blocks from which results are cut. What it answers
// depends on its arguments alone. What it handed out is never written again, until Reclaim. The zero value is ready;
// it is for one goroutine.
type Workspace struct {
	fades    fades
	draft    draft
	left     []Budget
	granted  []int
	own      []Step // of one variant
	horizons [2]time.Duration

	variants  shelf[VariantLearned]
	standings shelf[Standing]
	proposed  shelf[VariantProposal]
	layers    shelf[Layer]
	steps     shelf[Step]
	decisions shelf[Decision]
}

// Reclaim takes back all that was handed out, to hand its memory out again: for who knows that nobody reads it any
// more.
func (w *Workspace) Reclaim() {
	w.variants.reclaim()
	w.proposed.reclaim()
	w.layers.reclaim()
	w.steps.reclaim()
	w.decisions.reclaim()
}

// shelf hands out slices of one block of memory after another. The first block is as large as the first slice, each
// later one twice the last, up to largestBlock: a small answer that somebody keeps must not keep much else.
type shelf[T any] struct {
	block []T
	used  int
}

const largestBlock = 64

// take is a slice of n values, each of them to be written.
func (s *shelf[T]) take(n int) []T {
	if s.block == nil || s.used+n > len(s.block) {
		s.block, s.used = make([]T, max(n, min(2*len(s.block), largestBlock))), 0
	}
	s.used += n
	return s.block[s.used-n : s.used : s.used]
}

// keep is a copy of a slice, nil if it is empty.
func (s *shelf[T]) keep(v []T) []T {
	if len(v) == 0 {
		return nil
	}
	out := s.take(len(v))
	copy(out, v)
	return out
}

// reclaim begins anew with the newest block.
func (s *shelf[T]) reclaim() { s.used = 0 }

// fades are what old sums keep of themselves after some time, which hardly ever differs from tick to tick.
type fades struct {
	elapsed time.Duration
	request float64
	refused float64
	pack    float64
	lower   float64
}

func (f *fades) after(elapsed time.Duration) *fades {
	if f.request == 0 || f.elapsed != elapsed {
		*f = fades{
			elapsed: elapsed, request: decay(elapsed, requestHalfLife), refused: decay(elapsed, refusedHalfLife),
			pack: decay(elapsed, packHalfLife), lower: decay(elapsed, lowerHalfLife),
		}
	}
	return f
}
