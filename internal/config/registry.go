package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // an image need not bring the zones that events are in

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/predictor"
)

// Origin says where a model was declared.
type Origin string

// The origins. A model of the file wins over the same model found elsewhere.
const (
	FromFile         Origin = ""
	FromScaledObject Origin = "ScaledObject"
	FromDiscovery    Origin = "discovered"
)

// Registry is what the rest of the program reads: every model, whatever its
// origin, typed, complete and checked.
type Registry struct {
	Entries  []Entry // sorted by model ID
	Budgets  []policy.Budget
	Sources  []Source
	Interval time.Duration // between two ticks
	History  time.Duration // replayed at start
	MaxAge   time.Duration // an older sample is stale
	HoldFor  time.Duration // how long a held decision is served
	Warnings []string
}

// Entry is one model: what the policy decides on, and where its signals are.
type Entry struct {
	Model     policy.Model
	Source    string // name in Registry.Sources
	Engine    string // preset
	ModelName string // value of the model label; empty = any in the namespace
	Labels    Labels // model's, else source's, else the defaults
	Matchers  map[string]string
	Gateway   *Gateway // nil = no demand source in front of the engines
	Targets   []Target // one per variant, in the model's order
	Origin    Origin
	Assumed   []string // what discovery could not know
}

// NewRegistry is the registry of a complete configuration (Parse, Load,
// Complete or Default).
func NewRegistry(c *Config) *Registry {
	r := &Registry{
		Sources:  slices.Clone(c.Sources),
		Interval: c.Interval.Std(), History: c.History.Std(), MaxAge: c.MaxAge.Std(), HoldFor: c.HoldFor.Std(),
		Warnings: slices.Clone(c.Warnings),
	}
	labels := map[string]Labels{}
	for _, s := range c.Sources {
		labels[s.Name] = s.Labels
	}
	for _, b := range c.Budgets {
		r.Budgets = append(r.Budgets, policy.Budget{
			Name: b.Name, Resource: b.Resource, Product: b.Product, Limit: *b.Limit,
		})
	}
	for i := range c.Models {
		r.Entries = append(r.Entries, c.Models[i].entry(labels[c.Models[i].Source]))
	}
	slices.SortFunc(r.Entries, func(a, b Entry) int { return a.Model.ID.Compare(b.Model.ID) })
	return r
}

// FromModels is the registry of a configuration together with models that were
// declared elsewhere: discovered today, inline in ScaledObjects later. They get
// the same defaults and checks. A model that the file already serves is left to
// the file. A model that does not pass is left out and reported; the registry
// holds all others, and is nil only if base itself does not pass.
func FromModels(base *Config, more []Model, cat Catalog) (*Registry, error) {
	if base == nil {
		base = Default()
	}
	cfg := *base
	own := len(base.Models)
	cfg.Models = slices.Clone(base.Models)
	for _, m := range more {
		if !cfg.serves(own, m) {
			m.Variants = slices.Clone(m.Variants) // defaults are filled in; the caller's stay as they are
			cfg.Models = append(cfg.Models, m)
		}
	}
	err := cfg.Complete(cat)
	if err == nil {
		return NewRegistry(&cfg), nil
	}
	bad, refused := cfg.refuse(own, err)
	if refused == nil {
		return nil, err
	}
	kept := cfg.Models[:0:0]
	for i, m := range cfg.Models {
		if !bad[i] {
			kept = append(kept, m)
		}
	}
	cfg.Models = kept
	if err := cfg.Complete(cat); err != nil {
		return nil, err
	}
	return NewRegistry(&cfg), refused
}

// refuse finds the models beyond the first own that have problems, and renames
// the problems after them. Nothing is refused if any problem lies elsewhere.
func (c *Config) refuse(own int, err error) (bad map[int]bool, refused Errors) {
	var list Errors
	if !errors.As(err, &list) {
		return nil, nil
	}
	bad = map[int]bool{}
	for _, e := range list {
		i := modelIndex(e.Field)
		if i < own || i >= len(c.Models) {
			return nil, nil
		}
		bad[i] = true
		m := c.Models[i]
		field := strings.TrimPrefix(e.Field, index("models", i)+".")
		refused = append(refused, &FieldError{
			Field:   strings.TrimSpace(string(m.Origin) + " model " + m.Namespace + "/" + m.Name),
			Problem: field + ": " + e.Problem,
		})
	}
	return bad, refused
}

// modelIndex is the i of models[i] at the start of a path; -1 if there is none.
func modelIndex(path string) int {
	i := -1
	if _, err := fmt.Sscanf(path, "models[%d]", &i); err != nil {
		return -1
	}
	return i
}

// serves says whether one of the first n models has the series of m.
func (c *Config) serves(n int, m Model) bool {
	for _, own := range c.Models[:n] {
		if own.Namespace == m.Namespace && own.Engine == m.Engine && (own.ModelName == m.ModelName || own.ModelName == "") {
			return true
		}
	}
	return false
}

// Find returns the entry of one model.
func (r *Registry) Find(id policy.ModelID) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(r.Entries, id, func(e Entry, id policy.ModelID) int { return e.Model.ID.Compare(id) })
	if !ok {
		return Entry{}, false
	}
	return r.Entries[i], true
}

// Models are the models alone, sorted by ID.
func (r *Registry) Models() []policy.Model {
	out := make([]policy.Model, len(r.Entries))
	for i, e := range r.Entries {
		out[i] = e.Model
	}
	return out
}

func (m *Model) entry(source Labels) Entry {
	e := Entry{
		Model: policy.Model{
			ID:     policy.ModelID{Namespace: m.Namespace, Name: m.Name},
			Engine: m.Engine,
			SLO: policy.SLO{
				TTFTP95: m.SLO.TTFTP95.Std(), ITLP95: m.SLO.ITLP95.Std(), Attainment: *m.SLO.Attainment,
			},
			Priority: m.Priority,
			Idle: policy.Idle{
				ToZero: *m.Idle.ToZero, After: m.Idle.After.Std(), OnBlind: m.Idle.OnBlind,
				RestartCost: m.Idle.RestartCost.Std(),
			},
			Gateway: m.Gateway != nil,
		},
		Source: m.Source, Engine: m.Engine, ModelName: m.ModelName,
		Labels:   m.Labels.over(source),
		Matchers: maps.Clone(m.Matchers),
		Origin:   m.Origin, Assumed: slices.Clone(m.Assumed),
	}
	if m.Gateway != nil {
		e.Gateway = &Gateway{Preset: m.Gateway.Preset, Match: maps.Clone(m.Gateway.Match), Scrape: m.Gateway.Scrape}
	}
	for _, v := range m.Events {
		e.Model.Events = append(e.Model.Events, v.predictor())
	}
	for _, v := range m.Variants {
		e.Model.Variants = append(e.Model.Variants, v.policy())
		e.Targets = append(e.Targets, v.Target)
	}
	return e
}

// predictor is the event as the forecast reads it; it has been checked.
func (e Event) predictor() predictor.Event {
	begin, _ := predictor.ParseCron(e.Cron)
	zone, _ := time.LoadLocation(e.TimeZone)
	return predictor.Event{
		Begin: begin, Zone: e.TimeZone, Location: zone, For: e.For.Std(), Multiplier: or(e.Multiplier, 1),
	}
}

// over is l with what it leaves empty taken from below, then from the defaults.
func (l Labels) over(below Labels) Labels {
	fallback(&l.Namespace, below.Namespace)
	fallback(&l.Namespace, DefaultNamespaceLabel)
	fallback(&l.Pod, below.Pod)
	fallback(&l.Pod, DefaultPodLabel)
	fallback(&l.Model, below.Model)
	return l
}

// policy is the variant as the policy reads it. A configured capacity is fixed;
// a configured warm-up is a prior that observation replaces.
func (v Variant) policy() policy.Variant {
	warmUp := v.WarmUp.Prior.Std()
	if v.WarmUp.Auto {
		warmUp = DefaultWarmUp
	}
	return policy.Variant{
		Name:   v.Name,
		Target: policy.Target{APIVersion: v.Target.APIVersion, Kind: v.Target.Kind, Name: v.Target.Name},
		Min:    *v.Replicas.Min, Max: *v.Replicas.Max,
		GPUs: *v.GPUs.PerReplica, Product: v.GPUs.Product,
		CapacityType: v.CapacityType, PricePerGPU: policy.USDPerHour(or(v.Price.USDPerGPUHour, 0)),
		WarmUp:   warmUp,
		Capacity: v.Capacity.policy(), CapacityFixed: v.Capacity.fixed(),
		StepUp: or(v.Replicas.StepUp, 0), Tolerance: *v.Tolerance, Spot: v.Spot.policy(),
	}
}

// policy is the terms as the policy reads them; the zero value for a variant that is not spot.
func (s *Spot) policy() policy.SpotTerms {
	if s == nil {
		return policy.SpotTerms{}
	}
	return policy.SpotTerms{Availability: *s.Availability, HazardPerHour: *s.HazardPerHour, Notice: s.Notice.Std()}
}
