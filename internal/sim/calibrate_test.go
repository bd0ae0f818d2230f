package sim

import (
	"math"
	"testing"
	"time"
)

// The published measurements of one Qwen3-32B replica, 300 s per stage (llm-d autoscaling, pull request
// 1249), and of two at another token mix (pull request 1171). Two are fitted, the others predicted.
const (
	pubTTFT2    = 0.136 // s, p99 at 2 requests/s, the knee
	pubTTFT3    = 18.8  // s, p99 one stage later: fitted
	pubTokens3  = 1901  // output tokens/s at 3 requests/s, the peak: fitted
	pubFailed4  = 0.059 // share of requests that failed at 4 requests/s
	pubTTFTLong = 545   // s, p99 of two replicas under 20 requests/s of 4000/1000 tokens for 600 s
)

// What the sources leave open and we do not fit:
//
//	prompt tokens      1,000   the companion test of the same project (pull request 1118: about 1000/1000)
//	length spread      none    load generators send fixed lengths
//	arrivals           Poisson usual for stage tests; not stated
//	client patience    120 s   not stated; needed for the failures at 4 requests/s only. Whether it is for
//	                           the first token or for all is not stated either: 680 tokens of a full batch
//	                           take 22 s, so the second is 98 s to the first token. Both are predicted.
//	PrefillRate, ChunkTokens, IterationBase, PerSeq, PerKVToken: see DefaultReplica; not fitted here
const (
	toFirstToken = 120 * time.Second
	toTheEnd     = 98 * time.Second
)

// stage runs one replica for 300 s and lets what is there finish. It returns means over seeds of the p99
// TTFT, the output tokens/s within the 300 s, and the share that gave up.
func stage(
	t *testing.T, rate float64, kvBlocks int, output float64, patience time.Duration,
) (p99, tokens, failed float64) {
	t.Helper()
	const seeds = 6
	for seed := range uint64(seeds) {
		fc := DefaultFleet()
		fc.Replica.KVBlocks, fc.Replica.RequestTimeout = kvBlocks, patience
		wc := flat(rate)
		wc.Seed = seed + 1
		wc.Prompt, wc.Output = Lengths{Mean: 1000, Max: 1000}, Lengths{Mean: output, Max: 10_000}
		f := world(t, fc, wc)
		f.Advance(fc.Start.Add(300 * time.Second))
		tokens += f.Result().OutputTokens / 300 / seeds
		f.src = &script{}
		f.Advance(fc.Start.Add(900 * time.Second))
		r := f.Result()
		p99 += r.TTFT.P99.Seconds() / seeds
		failed += float64(r.GaveUp) / float64(r.First) / seeds
	}
	return p99, tokens, failed
}

// bisect finds where an increasing function passes a value.
func bisect(low, high, want float64, f func(float64) float64) float64 {
	for range 9 {
		if mid := (low + high) / 2; f(mid) < want {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// TestFitTwoPointsPredictTheRest fits the KV cache and the output length to the stage of 3 requests/s, and
// predicts the stages of 2 and 4, and another token mix.
func TestFitTwoPointsPredictTheRest(t *testing.T) {
	outputFor := func(blocks float64) float64 { // the output length that gives the published TTFT
		return bisect(500, 1000, pubTTFT3, func(o float64) float64 {
			p99, _, _ := stage(t, 3, int(blocks), o, 0)
			return p99
		})
	}
	blocks := bisect(3500, 8000, pubTokens3, func(b float64) float64 {
		_, tokens, _ := stage(t, 3, int(b), outputFor(b), 0)
		return tokens
	})
	output := outputFor(blocks)
	t.Logf("fitted: %.0f KV blocks (%.0f tokens), %.0f output tokens", blocks, blocks*BlockTokens, output)
	if d := DefaultReplica(); math.Abs(blocks/float64(d.KVBlocks)-1) > 0.1 || math.Abs(output/640-1) > 0.15 {
		t.Errorf("want the shipped %d blocks and 640 tokens within 10 and 15 %% of the fit", d.KVBlocks)
	}
	ttft3, tokens3, _ := stage(t, 3, int(blocks), output, 0)
	ttft2, _, failed2 := stage(t, 2, int(blocks), output, toTheEnd)
	_, _, patient := stage(t, 4, int(blocks), output, toFirstToken)
	_, _, impatient := stage(t, 4, int(blocks), output, toTheEnd)
	ttftLong := long(t, int(blocks))
	for _, row := range []struct {
		what                        string
		published, got, least, most float64
	}{
		{"fitted: p99 TTFT at 3/s, s", pubTTFT3, ttft3, 0.8 * pubTTFT3, 1.2 * pubTTFT3},
		{"fitted: output tokens/s at 3/s", pubTokens3, tokens3, 0.98 * pubTokens3, 1.02 * pubTokens3},
		{"predicted: p99 TTFT at 2/s, s", pubTTFT2, ttft2, 0.7 * pubTTFT2, 1.5 * pubTTFT2},
		{"predicted: failed at 2/s", 0, failed2, 0, 0},
		{"predicted: failed at 4/s, 120 s to the first token", pubFailed4, patient, 0.01, pubFailed4},
		{"predicted: failed at 4/s, 120 s to the end", pubFailed4, impatient, pubFailed4, 0.15},
		{"predicted (weak): p99 TTFT of 2 at 20/s, 4000/1000, s", pubTTFTLong, ttftLong, 520, 570},
	} {
		t.Logf("%-55s published %8.3f, here %8.3f", row.what, row.published, row.got)
		if row.got < row.least || row.got > row.most {
			t.Errorf("%s: want %g to %g, got %g", row.what, row.least, row.most, row.got)
		}
	}
}

// long is the p99 TTFT of requests served within the 600 s of the other test. It is a weak prediction: so
// far above capacity the wait is the length of the test less what capacity explains, whatever that is.
func long(t *testing.T, kvBlocks int) float64 {
	t.Helper()
	fc := DefaultFleet()
	fc.Replica.KVBlocks, fc.Replicas = kvBlocks, 2
	wc := flat(20)
	wc.Prompt, wc.Output = Lengths{Mean: 4000, Max: 4000}, Lengths{Mean: 1000, Max: 1000}
	f := world(t, fc, wc)
	f.Advance(fc.Start.Add(600 * time.Second))
	return f.account.ttft.Quantile(0.99)
}
