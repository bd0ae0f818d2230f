package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/predictor"
)

func (c *checker) model(path string, m *Model) {
	c.label(path+".name", m.Name)
	c.label(path+".namespace", m.Namespace)
	c.oneOf(path+".engine", "an engine", m.Engine, c.cat.Engines)
	c.labels(path+".labels", m.Labels)
	c.matchers(path+".matchers", m.Matchers)
	c.gateway(path+".gateway", m.Gateway)
	c.slo(path+".slo", m.SLO)
	c.idle(path+".idle", m)
	for i := range m.Events {
		c.event(index(path+".events", i), m.Events[i])
	}
	c.need(len(m.Variants) > 0, path+".variants", "at least one", "")
	for i := range m.Variants {
		c.variant(index(path+".variants", i), &m.Variants[i])
	}
}

// oneOf names the known ones if name is none of them.
func (c *checker) oneOf(path, what, name string, known []string) {
	if slices.Contains(known, name) {
		return
	}
	sorted := slices.Sorted(slices.Values(known))
	hint := ""
	if near := nearest(name, sorted); near != "" {
		hint = ", did you mean " + near + "?"
	}
	c.add(path, "want %s of %s; got %s%s", what, strings.Join(sorted, ", "), quote(name), hint)
}

func (c *checker) gateway(path string, g *Gateway) {
	if g == nil {
		return
	}
	c.oneOf(path+".preset", "a gateway", g.Preset, c.cat.Gateways)
	c.matchers(path+".match", g.Match)
	if g.Scrape != "" {
		c.url(path+".scrape", g.Scrape)
	}
}

func (c *checker) slo(path string, s SLO) {
	if s.TTFTP95 == nil {
		c.add(path+".ttftP95", "want a duration > 0, got nothing")
	}
	c.promise(path+".ttftP95", s.TTFTP95)
	c.promise(path+".itlP95", s.ITLP95)
	a := *s.Attainment
	c.need(a > 0 && a < 1, path+".attainment", "a share between 0 and 1", a)
}

// promise checks an optional latency promise.
func (c *checker) promise(path string, d *Duration) {
	c.positive(path, d)
	if d.Std() > maxTTFT {
		c.add(path, "want at most %s, got %s", Duration(maxTTFT), d)
	}
}

func (c *checker) idle(path string, m *Model) {
	c.positive(path+".after", m.Idle.After)
	c.need(*m.Idle.RestartCost >= 0 && *m.Idle.RestartCost <= Duration(maxWarmUp), path+".restartCost",
		"a duration, 0s to "+Duration(maxWarmUp).String(), m.Idle.RestartCost)
	c.need(m.Idle.OnBlind == policy.BlindHold || m.Idle.OnBlind == policy.BlindOne,
		path+".onBlind", "hold or one", string(m.Idle.OnBlind))
	if !*m.Idle.ToZero {
		if m.Idle.After != nil {
			c.warn(path+".after", "no effect while toZero is false")
		}
		return
	}
	if m.Gateway == nil {
		c.add(path+".toZero", "no demand source exists at zero replicas: want a gateway, got none")
	}
}

func (c *checker) event(path string, e Event) {
	if _, err := predictor.ParseCron(e.Cron); err != nil {
		c.add(path+".cron", "want a crontab schedule such as 0 9 * * 1-5, got %s: %v", quote(e.Cron), err)
	}
	if e.For == nil {
		c.add(path+".for", "want a duration > 0, got nothing")
	}
	c.positive(path+".for", e.For)
	c.need(e.For.Std() <= maxEvent, path+".for", "at most "+Duration(maxEvent).String(), e.For)
	times := or(e.Multiplier, 0)
	c.need(times > 1 && times <= maxMultiplier, path+".multiplier", "above 1, at most 100", times)
	if _, err := time.LoadLocation(e.TimeZone); err != nil {
		c.add(path+".timeZone", "want the name of a time zone such as Europe/Berlin, got %s", quote(e.TimeZone))
	}
}

func (c *checker) variant(path string, v *Variant) {
	c.label(path+".name", v.Name)
	c.target(path+".target", v.Target)
	c.replicas(path+".replicas", v.Replicas)
	c.gpus(path+".gpus", v.GPUs)
	known := []policy.CapacityType{policy.OnDemand, policy.Spot, policy.Reserved}
	c.need(slices.Contains(known, v.CapacityType), path+".capacityType",
		"on-demand, spot or reserved", string(v.CapacityType))
	c.rate(path+".price.usdPerGPUHour", v.Price.USDPerGPUHour)
	if v.Price.From != "" {
		c.add(path+".price.from", "not supported yet, give usdPerGPUHour")
	}
	if !v.WarmUp.Auto {
		c.need(v.WarmUp.Prior > 0 && v.WarmUp.Prior <= Duration(maxWarmUp), path+".warmUp",
			"auto or a duration > 0, at most "+Duration(maxWarmUp).String(), v.WarmUp.Prior)
	}
	c.need(*v.Tolerance >= 0 && *v.Tolerance <= 0.5, path+".tolerance", "0 to 0.5", *v.Tolerance)
	c.spot(path+".spot", v)
	for _, d := range v.Capacity.dimensions() {
		c.rate(path+".capacity."+d.key, d.value)
	}
	if !v.Capacity.Auto && !v.Capacity.fixed() && !c.inside(path+".capacity") {
		c.add(path+".capacity", "want auto or at least one of requestsPerSecond, promptTokensPerSecond, "+
			"outputTokensPerSecond, concurrency; got none")
	}
}

func (c *checker) spot(path string, v *Variant) {
	s := v.Spot
	if s == nil {
		return
	}
	c.need(v.CapacityType == policy.Spot, path, "it only with capacityType spot", string(v.CapacityType))
	c.need(*s.Availability > 0 && *s.Availability <= 1, path+".availability", "a share above 0, at most 1",
		*s.Availability)
	c.need(*s.HazardPerHour >= 0 && *s.HazardPerHour <= maxHazard, path+".hazardPerHour", "0 to 60", *s.HazardPerHour)
	c.need(*s.Notice >= 0 && *s.Notice <= Duration(maxWarmUp), path+".notice",
		"a duration, 0s to "+Duration(maxWarmUp).String(), s.Notice)
}

func (c *checker) target(path string, t Target) {
	gv, err := schema.ParseGroupVersion(t.APIVersion)
	c.need(err == nil && gv.Version != "", path+".apiVersion", "group/version, such as apps/v1", t.APIVersion)
	ok := t.Kind != "" && len(validation.IsDNS1035Label(strings.ToLower(t.Kind))) == 0
	c.need(ok, path+".kind", "a kind such as Deployment", t.Kind)
	c.need(len(validation.IsDNS1123Subdomain(t.Name)) == 0, path+".name", "the name of an object", t.Name)
}

func (c *checker) replicas(path string, r Replicas) {
	c.need(*r.Min >= 0 && *r.Min <= maxReplicas, path+".min", "0 to 10000", *r.Min)
	if r.Max == nil {
		c.add(path+".max", "want 1 to 10000, got nothing")
		return
	}
	c.need(*r.Max >= 1 && *r.Max <= maxReplicas, path+".max", "1 to 10000", *r.Max)
	c.need(r.StepUp == nil || *r.StepUp >= 1 && *r.StepUp <= maxReplicas, path+".stepUp", "1 to 10000", or(r.StepUp, 0))
	c.need(*r.Max < 1 || *r.Min <= *r.Max, path+".min", fmt.Sprintf("at most max (%d)", *r.Max), *r.Min)
}

func (c *checker) gpus(path string, g GPUs) {
	c.product(path+".product", g.Product)
	c.need(*g.PerReplica >= 0 && *g.PerReplica <= maxGPUs, path+".perReplica", "0 to 4096", *g.PerReplica)
	tensor, pipeline := or(g.TensorParallel, 1), or(g.PipelineParallel, 1)
	c.need(tensor >= 1 && tensor <= maxGPUs, path+".tensorParallel", "1 to 4096", tensor)
	c.need(pipeline >= 1 && pipeline <= maxGPUs, path+".pipelineParallel", "1 to 4096", pipeline)
	if g.TensorParallel == nil && g.PipelineParallel == nil || tensor < 1 || pipeline < 1 {
		return
	}
	c.need(tensor*pipeline == *g.PerReplica, path+".perReplica",
		fmt.Sprintf("tensorParallel x pipelineParallel (%d x %d)", tensor, pipeline), *g.PerReplica)
}
