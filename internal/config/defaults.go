package config

import (
	"time"

	promconfig "github.com/prometheus/common/config"

	"github.com/forewarm/forewarm/policy"
)

// Every default of the configuration, each with its reason.
const (
	// DefaultInterval is the common Prometheus scrape interval and the period of
	// the HPA controller: deciding faster sees nothing new.
	DefaultInterval = 15 * time.Second
	// DefaultHistory holds one full day shape.
	DefaultHistory = 24 * time.Hour
	// DefaultMaxAge survives five missed scrapes of 15 s.
	DefaultMaxAge = 90 * time.Second
	// DefaultHoldFor bridges a Prometheus restart with its WAL replay; a longer
	// outage must be seen by the autoscaler.
	DefaultHoldFor = 10 * time.Minute
	// DefaultTimeout ends a query before the next tick starts.
	DefaultTimeout = 10 * time.Second
	// DefaultMaxResponseBytes is far above what DefaultMaxSeries raw series of
	// one minute need (about 500 bytes each), and far below what hurts.
	DefaultMaxResponseBytes = 64 << 20
	// DefaultMaxSeries fits 1,000 pods with 12 series on each of 8 ranks.
	DefaultMaxSeries = 100_000
	// DefaultTenantHeader is that of Mimir, Cortex, Loki and Tempo.
	DefaultTenantHeader = "X-Scope-OrgID"
	// DefaultNamespaceLabel and DefaultPodLabel are what a PodMonitor or a
	// ServiceMonitor attaches.
	DefaultNamespaceLabel = "namespace"
	DefaultPodLabel       = "pod"
	// DefaultSource is the name that models without a source refer to.
	DefaultSource = "default"
	// DefaultResource is the extended resource of the NVIDIA device plugin.
	DefaultResource = "nvidia.com/gpu"
	// DefaultAttainment allows one request in a hundred to miss.
	DefaultAttainment = 0.99
	// DefaultTTFTP95 is assumed for discovered models only; a model of the file
	// must state its promise. Two seconds is what chat users commonly get promised.
	DefaultTTFTP95 = 2 * time.Second
	// DefaultMinReplicas keeps a model served unless zero was asked for.
	DefaultMinReplicas = 1
	// DefaultRestartCost says that a user who waits minutes for a model to wake is
	// worth ten minutes of its idle replica: a judgement, to be made by who pays.
	DefaultRestartCost = 10 * time.Minute
	// DefaultWarmUp is planned with until warm-ups were observed: the geometric
	// middle of the 2 to 8 minutes that llm-d users report for large models.
	DefaultWarmUp = 4 * time.Minute
)

// Default is a complete configuration without sources or models.
func Default() *Config {
	c := &Config{APIVersion: APIVersion, Kind: Kind}
	c.fill()
	return c
}

// fill sets what is absent. It never overwrites, so that it may run again.
func (c *Config) fill() {
	preset(&c.Interval, Duration(DefaultInterval))
	preset(&c.History, Duration(DefaultHistory))
	preset(&c.MaxAge, Duration(DefaultMaxAge))
	preset(&c.HoldFor, Duration(DefaultHoldFor))
	for i := range c.Sources {
		c.Sources[i].fill()
	}
	for i := range c.Budgets {
		fallback(&c.Budgets[i].Resource, DefaultResource)
	}
	only := c.onlySource()
	for i := range c.Models {
		fallback(&c.Models[i].Source, only)
		c.Models[i].fill()
	}
}

// onlySource is the source of models that name none: the only one there is,
// else the one called default.
func (c *Config) onlySource() string {
	if len(c.Sources) == 1 {
		return c.Sources[0].Name
	}
	return DefaultSource
}

func (s *Source) fill() {
	preset(&s.HTTP, HTTP{Client: promconfig.DefaultHTTPClientConfig})
	preset(&s.Timeout, Duration(DefaultTimeout))
	preset(&s.MaxResponseBytes, DefaultMaxResponseBytes)
	preset(&s.MaxSeries, DefaultMaxSeries)
	fallback(&s.Labels.Namespace, DefaultNamespaceLabel)
	fallback(&s.Labels.Pod, DefaultPodLabel)
	if s.Tenant != nil {
		fallback(&s.Tenant.Header, DefaultTenantHeader)
	}
}

func (m *Model) fill() {
	preset(&m.SLO.Attainment, DefaultAttainment)
	preset(&m.Idle.ToZero, false)
	preset(&m.Idle.RestartCost, Duration(DefaultRestartCost))
	fallback(&m.Idle.OnBlind, policy.BlindHold)
	for i := range m.Variants {
		m.Variants[i].fill()
	}
}

func (v *Variant) fill() {
	v.Target.fill()
	preset(&v.Replicas.Min, DefaultMinReplicas)
	preset(&v.GPUs.PerReplica, v.GPUs.ranks())
	fallback(&v.CapacityType, policy.OnDemand)
	preset(&v.WarmUp, WarmUp{Auto: true})
	preset(&v.Capacity, Capacity{Auto: true})
	preset(&v.Tolerance, 0)
	if v.CapacityType == policy.Spot {
		preset(&v.Spot, Spot{})
	}
	if v.Spot != nil {
		terms := policy.DefaultSpotTerms()
		preset(&v.Spot.Availability, terms.Availability)
		preset(&v.Spot.HazardPerHour, terms.HazardPerHour)
		preset(&v.Spot.Notice, Duration(terms.Notice))
	}
}

// targetVersions are the API versions of kinds that may leave theirs out.
var targetVersions = map[string]string{
	"Deployment":      "apps/v1",
	"StatefulSet":     "apps/v1",
	"LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
}

func (t *Target) fill() {
	if t.APIVersion == "" {
		fallback(&t.Kind, "Deployment")
		t.APIVersion = targetVersions[t.Kind]
	}
}

// ranks is tensor parallel x pipeline parallel, each 1 if absent.
func (g GPUs) ranks() int { return or(g.TensorParallel, 1) * or(g.PipelineParallel, 1) }

// preset gives an absent optional a value.
func preset[T any](p **T, value T) {
	if *p == nil {
		*p = &value
	}
}

// fallback gives an empty value a default.
func fallback[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}
