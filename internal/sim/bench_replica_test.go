package sim

import "testing"

// nobody is a Sink that does not listen.
type nobody struct{}

func (nobody) FirstToken(*Request, float64)       {}
func (nobody) Finished(*Request, float64, Reason) {}

// big holds 256 sequences of 2,000 tokens with room to spare.
func big() ReplicaConfig {
	cfg := DefaultReplica()
	cfg.KVBlocks = 40_000
	return cfg
}

// benchServer keeps 512 requests of about 1000/1000 tokens on a server, so that its batch is always full.
func benchServer(b *testing.B, s Server) {
	b.Helper()
	b.ReportAllocs()
	pool := make([]Request, 1024)
	now := 0.0
	for i := 0; b.Loop(); i++ {
		for s.Load() >= 512 {
			now = s.Next()
			s.Advance(now)
		}
		q := &pool[i&1023]
		*q = Request{ID: uint64(i), Arrived: now, Prompt: 1000, Output: 1000 + float64(i%7), firstToken: -1}
		s.Enqueue(q, now)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(s.Running()), "batch")
}

// BenchmarkReplica256 is the bare replica with closed-form jumps: 1000/1000 tokens, 256 in its batch.
func BenchmarkReplica256(b *testing.B) { benchServer(b, NewReplica(big(), 0, nobody{})) }

// BenchmarkSlots256 is the other replica model under the same load.
func BenchmarkSlots256(b *testing.B) {
	cfg := DefaultSlots()
	cfg.Slots = 256
	benchServer(b, NewSlots(cfg, 0, nobody{}, 1))
}
