package app

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forewarm/forewarm/policy"
)

// desc describes one of our metrics.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("forewarm_"+name, help, labels, nil)
}

// The own metrics, listed in docs/cli.md. What is unknown is absent.
var (
	descBuild = desc("build_info", "Always 1; the version is a label.", "version")
	descReady = desc("ready", "Whether /readyz says yes.")

	descTicks   = desc("ticks_total", "Moments folded, replayed ones included.")
	descSkipped = desc("ticks_skipped_total", "Moments that passed while a tick was still running.")
	descBlind   = desc("ticks_blind_total", "Ticks whose load failed: decisions were held.")
	descPanics  = desc("panics_total", "Panics recovered in a rule: defects of ours.")
	descSteps   = desc("clock_steps_total", "Times the clock went backwards.")
	descLoad    = desc("load_duration_seconds", "Real time of the newest load from the sources.")
	descFold    = desc("fold_duration_seconds", "Real time of the newest fold.")
	descGood    = desc("last_good_tick_timestamp_seconds", "Newest moment that was folded.")

	variantLabels = []string{"namespace", "model", "variant"}
	descDesired   = desc("desired_replicas", "Replicas as served; absent once a held decision has expired.",
		variantLabels...)
	descNow     = desc("spec_replicas", "Replicas asked for in the cluster.", variantLabels...)
	descServing = desc("ready_replicas", "Replicas that serve.", variantLabels...)
	descStarved = desc("starved_replicas", "Replicas asked for that no node takes or that are given no pod.",
		variantLabels...)
	descHeld   = desc("decision_held", "Whether inputs allow no lower count.", variantLabels...)
	descActive = desc("decision_active", "Whether there is work, a backlog, a forecast need or a loading replica.",
		variantLabels...)
	descGoodAge = desc("decision_age_seconds", "Since inputs last allowed a decision.", variantLabels...)

	descAge    = desc("input_age_seconds", "Age of the oldest known reading of a signal.", "namespace", "model", "signal")
	descPods   = desc("input_pods", "Pods that are expected or report.", "namespace", "model")
	descKnown  = desc("input_pods_known", "Of them, those of which a signal is known.", "namespace", "model", "signal")
	descFaults = desc("faults", "Things that are wrong with the data now.", "namespace", "model", "code")
)

// Describe sends nothing: what is known varies.
func (s *server) Describe(chan<- *prometheus.Desc) {}

// Collect renders the engine's figures and the newest snapshot.
func (s *server) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		for i := range labels {
			labels[i] = strings.ToValidUTF8(labels[i], "")
		}
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descBuild, 1, s.opts.Version)
	gauge(descReady, truth(s.ready() == nil))
	s.collectEngine(ch, gauge)
	snapshot := s.snapshot()
	if snapshot == nil {
		return
	}
	now := s.opts.Now()
	for _, d := range snapshot.Plan.Decisions {
		s.collectDecision(gauge, d, now)
	}
	for i := range snapshot.Models {
		collectInput(gauge, &snapshot.Models[i].Input, now)
		collectStarved(gauge, &snapshot.Models[i])
	}
}

type gaugeFunc func(d *prometheus.Desc, v float64, labels ...string)

func (s *server) collectEngine(ch chan<- prometheus.Metric, gauge gaugeFunc) {
	e := s.engine.Load()
	if e == nil {
		return
	}
	st := e.Stats()
	for d, v := range map[*prometheus.Desc]uint64{
		descTicks: st.Ticks, descSkipped: st.Skipped, descBlind: st.Blind, descPanics: st.Panics, descSteps: st.ClockSteps,
	} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	gauge(descLoad, st.LastLoad.Seconds())
	gauge(descFold, st.LastStep.Seconds())
	if !st.LastGood.IsZero() {
		gauge(descGood, float64(st.LastGood.Unix()))
	}
}

func (s *server) collectDecision(gauge gaugeFunc, d policy.Decision, now time.Time) {
	labels := func() []string { return []string{d.ID.Model.Namespace, d.ID.Model.Name, d.ID.Variant} }
	if !d.Expired(now, s.registered().HoldFor) {
		gauge(descDesired, float64(d.Replicas), labels()...)
	}
	if d.NowKnown {
		gauge(descNow, float64(d.Now), labels()...)
		gauge(descServing, float64(d.Ready), labels()...)
	}
	gauge(descHeld, truth(d.Hold), labels()...)
	gauge(descActive, truth(d.Active), labels()...)
	if !d.Good.IsZero() {
		gauge(descGoodAge, max(now.Sub(d.Good), 0).Seconds(), labels()...)
	}
}

func collectStarved(gauge gaugeFunc, v *policy.ModelView) {
	for i, variant := range v.Model.Variants {
		if i < len(v.Input.Supply) && v.Input.Supply[i].Known {
			n := policy.Starved(v.Learned, v.Input, i)
			gauge(descStarved, float64(n), v.Model.ID.Namespace, v.Model.ID.Name, variant.Name)
		}
	}
}

// podReading is a signal that each pod reports.
type podReading struct {
	name string
	of   func(*policy.Pod) policy.Reading
}

var podReadings = []podReading{
	{"pending", func(p *policy.Pod) policy.Reading { return p.Pending }},
	{"running", func(p *policy.Pod) policy.Reading { return p.Running }},
	{"kv", func(p *policy.Pod) policy.Reading { return p.KV }},
	{"completions", func(p *policy.Pod) policy.Reading { return p.Completions }},
	{"promptTokens", func(p *policy.Pod) policy.Reading { return p.PromptTokens }},
	{"outputTokens", func(p *policy.Pod) policy.Reading { return p.OutputTokens }},
}

func collectInput(gauge gaugeFunc, in *policy.Input, now time.Time) {
	ns, name := in.Model.Namespace, in.Model.Name
	since := max(now.Sub(in.Now), 0)
	gauge(descPods, float64(len(in.Signals.Pods)), ns, name)
	for _, r := range podReadings {
		known, oldest := 0, time.Duration(0)
		for i := range in.Signals.Pods {
			if v := r.of(&in.Signals.Pods[i]); v.Known {
				known, oldest = known+1, max(oldest, v.Age)
			}
		}
		gauge(descKnown, float64(known), ns, name, r.name)
		if known > 0 {
			gauge(descAge, (oldest + since).Seconds(), ns, name, r.name)
		}
	}
	for signal, v := range map[string]policy.Reading{
		"queue": in.Signals.GatewayQueue, "arrivals": in.Signals.Arrivals, "refused": in.Signals.Refused,
		"ttft": in.Signals.TTFTP95, "itl": in.Signals.ITLP95,
	} {
		if v.Known {
			gauge(descAge, (v.Age + since).Seconds(), ns, name, signal)
		}
	}
	faults := map[string]int{}
	for _, f := range in.Faults {
		faults[f.Code]++
	}
	for code, n := range faults {
		gauge(descFaults, float64(n), ns, name, code)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
