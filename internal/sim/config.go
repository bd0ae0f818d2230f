package sim

import (
	"fmt"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// BlockTokens is the number of tokens in one KV block (vLLM's default block size).
const BlockTokens = 16

// ReplicaConfig holds the physical parameters of one replica. See Replica for the model that uses them.
type ReplicaConfig struct {
	MaxSeqs        int           // sequences in one batch, decoding or prefilling
	KVBlocks       int           // KV cache size in blocks of BlockTokens tokens
	PrefillRate    float64       // uncached prompt tokens per second of prefill compute
	ChunkTokens    int           // prompt tokens that ride in one iteration (chunked prefill budget)
	IterationBase  time.Duration // a: cost of an iteration whatever the batch: weights, launch, sampling
	PerSeq         time.Duration // b: added by each decoding sequence
	PerKVToken     float64       // c: seconds added by each KV token held (attention reads)
	PrefixHit      float64       // share of prompt tokens found in a full prefix cache, 0..1
	PrefixFill     float64       // prompt tokens after which that cache is filled to 1-1/e
	MaxQueue       int           // waiting requests beyond which a new one is refused; 0 means unbounded
	RequestTimeout time.Duration // age at which a request without a first token is given up; 0 means never
}

// DefaultReplica is a Qwen3-32B replica on two 80 GB GPUs (tensor parallel 2), fitted to a published
// stage test of that model (llm-d autoscaling, PR 1249): the knee is at 2 requests/s (p99 TTFT 136 ms
// there, 18.8 s one stage later), the peak at 3 requests/s and 1,901 output tokens/s, which is about 640
// output tokens per request; prompts of about 1,000 tokens are taken from the companion test (PR 1118).
//
// The KV size and iteration costs are fitted to those numbers with DefaultWorkload's lengths, not
// measured: about 60 sequences fit, and a full batch takes about 30 ms per iteration. In 300 s stages the
// replica then gives p95 TTFT 0.2 s at 2 requests/s, 19 s at 3, and 1,880 output tokens/s at 4 (see
// TestCalibration). Prefill runs at 14,000 tokens/s: 64 GFLOP per token on two GPUs at half of peak.
func DefaultReplica() ReplicaConfig {
	return ReplicaConfig{
		MaxSeqs:       256,
		KVBlocks:      5_500,
		PrefillRate:   14_000,
		ChunkTokens:   2_048,
		IterationBase: 15 * time.Millisecond,
		PerSeq:        60 * time.Microsecond,
		PerKVToken:    5e-8,
		PrefixFill:    200_000,
	}
}

// check reports every field out of range.
func (c ReplicaConfig) check() error {
	var p problems
	p.want(c.MaxSeqs > 0, "maxSeqs: want above 0, got %d", c.MaxSeqs)
	p.want(c.KVBlocks > 0, "kvBlocks: want above 0, got %d", c.KVBlocks)
	p.want(c.PrefillRate > 0, "prefillRate: want above 0, got %g", c.PrefillRate)
	p.want(c.ChunkTokens > 0, "chunkTokens: want above 0, got %d", c.ChunkTokens)
	p.want(c.IterationBase > 0, "iterationBase: want above 0, got %v", c.IterationBase)
	p.want(c.PerSeq >= 0, "perSeq: want at least 0, got %v", c.PerSeq)
	p.want(c.PerKVToken >= 0, "perKVToken: want at least 0, got %g", c.PerKVToken)
	p.want(c.PrefixHit >= 0 && c.PrefixHit < 1, "prefixHit: want [0, 1), got %g", c.PrefixHit)
	p.want(c.PrefixHit == 0 || c.PrefixFill > 0, "prefixFill: want above 0 with a prefix hit share, got %g", c.PrefixFill)
	p.want(c.MaxQueue >= 0, "maxQueue: want at least 0, got %d", c.MaxQueue)
	p.want(c.RequestTimeout >= 0, "requestTimeout: want at least 0, got %v", c.RequestTimeout)
	return p.join()
}

// FleetConfig describes one model, the deployments that serve it and what it costs. The fields from
// Deployment to Replicas, with Slots to Spread, are its first variant; More are the others.
type FleetConfig struct {
	Namespace  string
	Deployment string
	Model      string // served model name, the model_name label
	Replica    ReplicaConfig
	WarmUp     WarmUp
	GPUs       int           // per replica
	GPUHourUSD float64       // price of one GPU for one hour
	TTFT       time.Duration // service level: a first token later than this is a miss
	Grace      time.Duration // a draining replica is killed after this; 0 means never
	Replicas   int           // at the start, already warm
	Start      time.Time
	Seed       uint64

	CapacityType policy.CapacityType // see VariantConfig for these
	Slots        *SlotsConfig
	Nodes        []NodeStep
	Notice       time.Duration
	Spread       float64
	More         []VariantConfig

	ITL     time.Duration // service level: mean time between a request's tokens; 0 = not promised
	Router  Router
	HoldFor time.Duration // the gateway gives a request up after this; 0 = the servers' RequestTimeout
	MaxHeld int           // requests the gateway holds; more are refused. 0 means unbounded
	// HoldAbove makes the gateway hold requests also while every ready replica has so many waiting (flow
	// control), so that one who comes later gets its share. 0 sends each request on at once.
	HoldAbove int
	Quota     *Quota // GPUs; nil means unlimited
}

// variants are the configured deployments, the first one first.
func (c FleetConfig) variants() []VariantConfig {
	first := VariantConfig{
		Deployment: c.Deployment, CapacityType: c.CapacityType, Replica: c.Replica, Slots: c.Slots,
		WarmUp: c.WarmUp, GPUs: c.GPUs, GPUHourUSD: c.GPUHourUSD, Grace: c.Grace, Replicas: c.Replicas,
		Nodes: c.Nodes, Notice: c.Notice, Spread: c.Spread,
	}
	return append([]VariantConfig{first}, c.More...)
}

// WarmUp is the distribution of the time from asking for a replica to its first useful token:
// lognormal, given by its mean and the standard deviation of its logarithm.
type WarmUp struct {
	Mean  time.Duration
	Sigma float64
}

// DefaultFleet is one warm DefaultReplica with the start-up time of the same family of tests
// (103 s, llm-d autoscaling PR 1118) and a first-token goal of 2 s. The price is an example.
func DefaultFleet() FleetConfig {
	return FleetConfig{
		Namespace:  "llm",
		Deployment: "qwen3-32b",
		Model:      "Qwen/Qwen3-32B",
		Replica:    DefaultReplica(),
		WarmUp:     WarmUp{Mean: 103 * time.Second, Sigma: 0.15},
		GPUs:       2,
		GPUHourUSD: 3,
		TTFT:       2 * time.Second,
		Grace:      2 * time.Minute,
		Replicas:   1,
		Start:      time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC),
		Seed:       1,
	}
}

func (c FleetConfig) check() error {
	var p problems
	p.want(c.Namespace != "", "namespace: want a name, got none")
	p.want(c.Model != "", "model: want a name, got none")
	p.want(c.TTFT > 0, "ttft: want above 0, got %v", c.TTFT)
	p.want(c.ITL >= 0, "itl: want at least 0, got %v", c.ITL)
	p.want(c.HoldFor >= 0, "holdFor: want at least 0, got %v", c.HoldFor)
	p.want(c.MaxHeld >= 0, "maxHeld: want at least 0, got %d", c.MaxHeld)
	p.want(c.HoldAbove >= 0, "holdAbove: want at least 0, got %d", c.HoldAbove)
	p.want(c.Router < routers, "router: want one of %d, got %d", routers, c.Router)
	p.want(!c.Start.IsZero(), "start: want a time, got none")
	names := map[string]bool{}
	for i, v := range c.variants() {
		p.want(!names[v.Deployment], "more[%d].deployment: want names that differ, got %q again", i-1, v.Deployment)
		names[v.Deployment] = true
		if i == 0 {
			p.errs = append(p.errs, v.check())
		} else {
			p.within(fmt.Sprintf("more[%d]", i-1), v.check())
		}
	}
	return p.join()
}
