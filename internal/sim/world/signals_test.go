package world

import (
	"bufio"
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	prommodel "github.com/prometheus/common/model"

	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/policy"
)

// model is the fleet's model as the engine would know it.
func modelOf(fc sim.FleetConfig) policy.Model {
	m := policy.Model{
		ID:   policy.ModelID{Namespace: fc.Namespace, Name: fc.Deployment},
		SLO:  policy.SLO{TTFTP95: fc.TTFT, Attainment: 0.99},
		Idle: policy.Idle{OnBlind: policy.BlindHold},
	}
	m.Variants = append(m.Variants, policy.Variant{
		Name: fc.Deployment, Min: 1, Max: 8, GPUs: fc.GPUs, CapacityType: policy.OnDemand, WarmUp: fc.WarmUp.Mean,
	})
	return m
}

func steady(rate float64) sim.WorkloadConfig {
	n, _ := sim.WorkloadNamed("flat")
	c := n.Config(1)
	c.PeakRate = rate
	return c
}

func newWorld(tb testing.TB, fc sim.FleetConfig, wc sim.WorkloadConfig, opt Options) *World {
	tb.Helper()
	src, err := sim.NewWorkload(wc)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := sim.NewFleet(fc, src)
	if err != nil {
		tb.Fatal(err)
	}
	w, err := New(f, modelOf(fc), opt)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// prometheus keeps what a scraper would, as package signals gets it.
type prometheus struct {
	w      *World
	window *signals.Window
}

func (p *prometheus) scrape(t turn) {
	var text bytes.Buffer
	labels := prommodel.Metric{"job": "engines", "instance": prommodel.LabelValue(t.name)}
	at := prommodel.TimeFromUnixNano(t.at.UnixNano())
	switch t.name {
	case clusterTarget:
		return
	case gatewayTarget:
		labels["job"] = "gateway"
		_ = sim.ExposeEPP(&text, p.w.fleet)
	default:
		k := slices.IndexFunc(p.w.fleet.Pods(), func(q *sim.Pod) bool { return q.Name() == t.name })
		if k < 0 {
			return
		}
		labels["namespace"], labels["pod"] = "llm", prommodel.LabelValue(t.name)
		_ = p.w.fleet.Pods()[k].Expose(&text)
	}
	var m prommodel.Matrix
	add := func(metric prommodel.Metric, v float64) {
		m = append(m, &prommodel.SampleStream{
			Metric: metric, Values: []prommodel.SamplePair{{Timestamp: at, Value: prommodel.SampleValue(v)}},
		})
	}
	up := labels.Clone()
	up[prommodel.MetricNameLabel] = "up"
	add(up, 1)
	for lines := bufio.NewScanner(&text); lines.Scan(); {
		if metric, v, ok := parse(lines.Text(), labels); ok {
			add(metric, v)
		}
	}
	p.window.Add(m)
}

// parse reads one line of our own exposition, whose label values have no commas or escapes.
func parse(line string, target prommodel.Metric) (prommodel.Metric, float64, bool) {
	cut := strings.LastIndexByte(line, ' ')
	if strings.HasPrefix(line, "#") || strings.Contains(line, "_bucket") || cut < 0 {
		return nil, 0, false
	}
	v, err := strconv.ParseFloat(line[cut+1:], 64)
	if err != nil {
		return nil, 0, false
	}
	metric := target.Clone()
	name, rest, _ := strings.Cut(line[:cut], "{")
	metric[prommodel.MetricNameLabel] = prommodel.LabelValue(name)
	for _, pair := range strings.Split(strings.TrimSuffix(rest, "}"), ",") {
		if k, val, ok := strings.Cut(pair, "="); ok {
			metric[prommodel.LabelName(k)] = prommodel.LabelValue(strings.Trim(val, `"`))
		}
	}
	return metric, v, true
}

// TestSeesWhatSignalsSees compares the light path with package signals, which reads the same scrapes as
// text, at every tick of an hour of growing, shrinking and overload.
func TestSeesWhatSignalsSees(t *testing.T) {
	for name, gateway := range map[string]bool{"arrivals from the gateway": true, "arrivals from completions": false} {
		t.Run(name, func(t *testing.T) {
			opt := DefaultOptions()
			opt.Gateway = gateway
			fc := sim.DefaultFleet()
			fc.Replica.PrefixHit = 0.3
			w := newWorld(t, fc, steady(3), opt)
			p := &prometheus{w: w, window: signals.NewWindow()}
			w.seen = p.scrape
			b := signals.Binding{
				Model: w.model.ID, Engine: "vllm", ModelName: fc.Model, Labels: signals.DefaultLabels(),
				Variants: []signals.VariantBinding{{Name: fc.Deployment}},
			}
			if gateway {
				b.Gateway = &signals.GatewayBinding{Preset: "llm-d-epp"}
			}
			eval := signals.NewEvaluator(opt.Signals)
			counts := []int{1, 4, 4, 4, 2, 2, 3, 1, 1, 5, 2, 2}
			known, partial := 0, 0
			for i := range 240 {
				w.fleet.Scale(counts[i/20])
				at := fc.Start.Add(time.Duration(i+1) * 15 * time.Second)
				w.Advance(at.Add(5 * time.Second)) // the tick looks back at a moment that is past
				v := &view{World: w, at: at, opt: opt.Signals, told: w.told}
				_, expected := v.supply()
				if i < 3 {
					continue // kube-state-metrics was not scraped yet
				}
				p.window.Trim(at.Add(-4 * time.Minute))
				want, _ := eval.Signals(b, p.window, at, expected)
				got := w.At(at)[0].Signals
				for k := range got.Pods {
					got.Pods[k].Variant = "" // the join to variants is the reader's
				}
				got.TTFTP95, got.ITLP95 = policy.Reading{}, policy.Reading{} // from PromQL
				if d := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 1e-9), cmpopts.EquateEmpty(),
					cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= time.Millisecond })); d != "" {
					t.Fatalf("tick %d, %s (-signals +here):\n%s", i, at, d)
				}
				if got.Arrivals.Known {
					known++
				}
				if got.Partial {
					partial++
				}
			}
			if known < 200 || partial == 0 || partial > 80 {
				t.Errorf("want arrivals mostly known and sometimes partial, got %d and %d", known, partial)
			}
		})
	}
}

// TestLatencyIsPromQLs works a quantile out by hand.
func TestLatencyIsPromQLs(t *testing.T) {
	w := newWorld(t, sim.DefaultFleet(), steady(0), DefaultOptions())
	at := w.now.Add(2 * time.Minute)
	v := &view{World: w, at: at, opt: w.opts.Signals, told: w.told}
	of := func(s *sample, b int) float64 { return s.TTFT[b] }
	if r := v.quantile(ttftBounds, of); r.Known {
		t.Errorf("nobody was served: want unknown, got %+v", r)
	}
	for name := range w.tracks {
		w.tracks[name].samples = nil
		for i := range 8 {
			s := sample{at: w.now.Add(time.Duration(i)*15*time.Second + 10*time.Second)}
			for b := range s.TTFT {
				s.TTFT[b] = 100
				if b >= 9 { // up to 0.5 s: half of them
					s.TTFT[b] += float64(10 * i)
				}
				if b >= 12 { // up to 2.5 s: the others
					s.TTFT[b] += float64(10 * i)
				}
			}
			w.tracks[name].samples = append(w.tracks[name].samples, s)
		}
	}
	want := 1 + 1.5*(0.95-0.5)/0.5
	if r := v.quantile(ttftBounds, of); !r.Known || math.Abs(r.Value-want) > 1e-9 {
		t.Errorf("want %g s, got %+v", want, r)
	}
}
