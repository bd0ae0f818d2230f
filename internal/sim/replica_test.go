package sim

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// recorder is a Sink that remembers moments by request ID.
type recorder struct {
	first, done map[uint64]float64
	why         map[uint64]Reason
}

func newRecorder() *recorder {
	return &recorder{first: map[uint64]float64{}, done: map[uint64]float64{}, why: map[uint64]Reason{}}
}

func (r *recorder) FirstToken(q *Request, now float64) { r.first[q.ID] = now }

func (r *recorder) Finished(q *Request, now float64, why Reason) {
	r.done[q.ID], r.why[q.ID] = now, why
}

func request(id uint64, at, prompt, output float64) *Request {
	return &Request{ID: id, Arrived: at, Prompt: prompt, Output: output}
}

// byHand is a replica whose numbers can be worked out on paper: 10 ms per iteration, 100 prompt tokens
// per chunk at 1,000 tokens/s, so 110 ms per chunk.
func byHand() ReplicaConfig {
	return ReplicaConfig{
		MaxSeqs: 2, KVBlocks: 100, PrefillRate: 1000, ChunkTokens: 100, IterationBase: 10 * time.Millisecond,
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func TestReplicaByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		change      func(*ReplicaConfig)
		requests    []*Request
		first, done []float64
	}{
		"alone: two chunks, then nine iterations": {
			requests: []*Request{request(1, 0, 200, 10)},
			first:    []float64{0.22}, done: []float64{0.31},
		},
		"one token only": {
			requests: []*Request{request(1, 0, 100, 1)},
			first:    []float64{0.11}, done: []float64{0.11},
		},
		"each sequence costs 1 ms": {
			change:   func(c *ReplicaConfig) { c.PerSeq = time.Millisecond },
			requests: []*Request{request(1, 0, 100, 11)},
			first:    []float64{0.11}, done: []float64{0.22},
		},
		"each KV token costs 0.1 ms, and K grows from 101 to 111 while decoding": {
			change:   func(c *ReplicaConfig) { c.PerKVToken = 1e-4 },
			requests: []*Request{request(1, 0, 100, 11)},
			first:    []float64{0.12}, done: []float64{0.12 + 10*(0.01+1e-4*106)},
		},
		"a prefill slows the other's decoding to one token per 110 ms": {
			requests: []*Request{request(1, 0, 100, 11), request(2, 0.16, 200, 2)},
			// 1 has 5 of 10 iterations at 0.16, two more until 0.38, the last three alone with 2.
			first: []float64{0.11, 0.38}, done: []float64{0.41, 0.39},
		},
		"no slot: the third waits for the first to end": {
			requests: []*Request{request(1, 0, 100, 11), request(2, 0, 100, 101), request(3, 0, 100, 1)},
			// 1 decodes from 0.11: one iteration during the prefill of 2, nine more from 0.22. 2 has one of its
			// hundred during the prefill of 3.
			first: []float64{0.11, 0.22, 0.42}, done: []float64{0.31, 1.32, 0.42},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := byHand()
			if tc.change != nil {
				tc.change(&cfg)
			}
			got := newRecorder()
			r := NewReplica(cfg, 0, got)
			for _, q := range tc.requests {
				r.Enqueue(q, q.Arrived)
			}
			r.Advance(100)
			for i := range tc.requests {
				id := uint64(i + 1)
				if !near(got.first[id], tc.first[i]) || !near(got.done[id], tc.done[i]) {
					t.Errorf("request %d: want first token %g and end %g, got %g and %g",
						id, tc.first[i], tc.done[i], got.first[id], got.done[id])
				}
			}
			if r.Load() != 0 || r.KVUse() != 0 || !math.IsInf(r.Next(), 1) {
				t.Errorf("at the end: want an idle replica, got load %d, KV %g, next %g", r.Load(), r.KVUse(), r.Next())
			}
		})
	}
}

func TestPreemptionRecomputesTheYoungest(t *testing.T) {
	cfg := byHand() // 1,600 KV tokens
	got := newRecorder()
	r := NewReplica(cfg, 0, got)
	r.Enqueue(request(1, 0, 500, 600), 0)
	r.Enqueue(request(2, 0, 500, 600), 0)
	for at := 0.0; r.Load() > 0; at += 0.05 {
		r.Advance(at)
		if use := r.KVUse(); use > 1 {
			t.Fatalf("KV use %g at %g", use, at)
		}
	}
	if r.Stats.Preemptions == 0 || got.done[2] <= got.done[1] {
		t.Errorf("want the second preempted and later, got %d preemptions, ends %g and %g",
			r.Stats.Preemptions, got.done[1], got.done[2])
	}
	if !near(r.Stats.GeneratedTokens, 1200) || r.Stats.PromptTokens != 1000 {
		t.Errorf("want each token counted once, got %g out, %g in", r.Stats.GeneratedTokens, r.Stats.PromptTokens)
	}
}

func TestReplicaLimits(t *testing.T) {
	t.Run("a bounded queue refuses", func(t *testing.T) {
		cfg := byHand()
		cfg.MaxQueue = 1
		r := NewReplica(cfg, 0, newRecorder())
		for id, want := range []bool{true, true, true, false} {
			if got := r.Enqueue(request(uint64(id), 0, 100, 10), 0); got != want {
				t.Errorf("request %d: want %v, got %v", id, want, got)
			}
		}
	})
	t.Run("a client gives up", func(t *testing.T) {
		cfg := byHand()
		cfg.MaxSeqs, cfg.RequestTimeout = 1, time.Second
		got := newRecorder()
		r := NewReplica(cfg, 0, got)
		r.Enqueue(request(1, 0, 100, 500), 0)
		r.Enqueue(request(2, 0, 100, 500), 0)
		r.Advance(60)
		if got.why[1] != Stop || got.why[2] != Abort || got.first[2] != 0 {
			t.Errorf("want the second aborted without a token, got %v", got)
		}
	})
	t.Run("a request larger than the cache is cut", func(t *testing.T) {
		got := newRecorder()
		r := NewReplica(byHand(), 0, got)
		r.Enqueue(request(1, 0, 1e6, 1e6), 0)
		r.Advance(1000)
		if got.why[1] != Length {
			t.Errorf("want it to end by length, got %v", got.why)
		}
	})
	t.Run("a kill ends all as aborted", func(t *testing.T) {
		got := newRecorder()
		r := NewReplica(byHand(), 0, got)
		for id := range uint64(5) {
			r.Enqueue(request(id, 0, 100, 100), 0)
		}
		r.Kill(0.15)
		if len(got.why) != 5 || r.Load() != 0 {
			t.Errorf("want five ends and no load, got %v and %d", got.why, r.Load())
		}
	})
}

// TestPollingChangesNothing drives one replica by events alone and its twin in small steps.
func TestPollingChangesNothing(t *testing.T) {
	cfg := DefaultReplica()
	cfg.KVBlocks = 1000 // tight, so that preemption takes part
	a, b := newRecorder(), newRecorder()
	jumps, polled := NewReplica(cfg, 0, a), NewReplica(cfg, 0, b)
	w := newWorkload(t, flat(1.5))
	end := w.cfg.Start.Add(10 * time.Minute)
	now := 0.0
	for id := uint64(0); ; id++ {
		arrival, ok := w.Next(end)
		if !ok {
			break
		}
		at := arrival.At.Sub(w.cfg.Start).Seconds()
		for ; now < at; now += 0.037 {
			polled.Advance(now)
		}
		for _, r := range []*Replica{jumps, polled} {
			r.Enqueue(request(id, at, float64(arrival.Prompt), float64(arrival.Output)), at)
		}
	}
	jumps.Advance(3600)
	for ; now < 3600; now += 0.5 {
		polled.Advance(now)
	}
	if jumps.Stats.Preemptions == 0 {
		t.Error("want preemptions in this test")
	}
	for id, at := range a.done {
		if math.Abs(b.done[id]-at) > 1e-3 {
			t.Fatalf("request %d: ends at %g by events, %g when polled", id, at, b.done[id])
		}
	}
}

// TestCalibration holds DefaultReplica to the published stage test it is fitted to.
func TestCalibration(t *testing.T) {
	for _, tc := range []struct {
		rate               float64
		minTTFT, maxTTFT   float64 // p95 of the last minute, seconds
		minToken, maxToken float64 // output tokens/s over the stage
	}{
		{0.5, 0.05, 0.4, 250, 380},
		{2, 0.05, 0.5, 1150, 1350},
		{3, 10, 35, 1700, 1950},
		{4, 50, 110, 1800, 2000},
	} {
		t.Run(fmt.Sprint(tc.rate), func(t *testing.T) {
			f := world(t, DefaultFleet(), flat(tc.rate))
			f.Advance(f.Now().Add(300 * time.Second))
			p95 := f.Drain().TTFTP95.Seconds()
			tokens := f.pods[0].rep.stats().GeneratedTokens / 300
			if p95 < tc.minTTFT || p95 > tc.maxTTFT {
				t.Errorf("p95 TTFT: want %g to %g s, got %g", tc.minTTFT, tc.maxTTFT, p95)
			}
			if tokens < tc.minToken || tokens > tc.maxToken {
				t.Errorf("output tokens/s: want %g to %g, got %g", tc.minToken, tc.maxToken, tokens)
			}
		})
	}
}
