package signals

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forewarm/forewarm/policy"
)

// read loads one live tick at a moment and evaluates it.
func read(t *testing.T, r *Reader, at time.Time) []policy.Input {
	t.Helper()
	if err := r.Load(t.Context(), at.Add(-scrape), at); err != nil {
		t.Fatalf("load: %v", err)
	}
	return r.At(at)
}

func codes(faults []policy.Fault) []string {
	out := []string{}
	for _, f := range faults {
		out = append(out, f.Code)
	}
	return slices.Compact(out)
}

func TestReaderReadsAHealthyModel(t *testing.T) {
	p := newFaultProm(t, 1)
	for _, pod := range []string{"m-5f4c8d9b7-aaaaa", "m-5f4c8d9b7-bbbbb"} {
		vllmPod(t, p, "llm", "meta/M", pod, epoch.Add(-10*time.Minute), epoch)
	}
	vllmPod(t, p, "other", "meta/M", "m-0", epoch.Add(-10*time.Minute), epoch)
	in := read(
		t, NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "meta/M")}, DefaultOptions()), epoch,
	)[0]
	s := in.Signals
	if len(s.Pods) != 2 || s.Pods[0].Variant != "main" || s.Pods[0].Running.Value != 4 || s.Pods[0].Running.Age != 0 {
		t.Errorf("want two pods of variant main that run 4 requests now, got %+v", s.Pods)
	}
	// 2 pods x 30 completions per 15 s, in flight unchanged.
	if !s.Arrivals.Known || s.Arrivals.Value < 3.9 || s.Arrivals.Value > 4.1 {
		t.Errorf("want 4 arrivals/s, got %+v", s.Arrivals)
	}
	// Half within 0.5 s, 90 % within 1 s, all within 2.5 s: p95 is in the middle of the last bucket.
	if !s.TTFTP95.Known || s.TTFTP95.Value < 1.7 || s.TTFTP95.Value > 1.8 {
		t.Errorf("want a p95 of 1.75 s, got %+v", s.TTFTP95)
	}
	if s.ITLP95.Known || s.Partial {
		t.Errorf("want no ITL, and nothing missing, got %+v, partial %v", s.ITLP95, s.Partial)
	}
	want := []policy.Supply{{Variant: "main", Known: true, Assumed: true, Spec: 2, Ready: 2}}
	if d := cmp.Diff(want, in.Supply); d != "" {
		t.Errorf("supply (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{FaultSupplyAssumed}, codes(in.Faults)); d != "" {
		t.Errorf("faults (-want +got):\n%s\n%v", d, in.Faults)
	}
}

func TestReaderMakesFaultsOfWhatGoesWrong(t *testing.T) {
	refused := status(422, "application/json", `{"status":"error","errorType":"execution","error":"no"}`)
	for name, tc := range map[string]struct {
		sabotage func(p *faultProm)
		code     string
		partial  bool
		known    func(s policy.Signals) map[string]bool
	}{
		"engine series fail: every signal is unknown": {
			func(p *faultProm) { p.breakWith(onlyFor("num_requests_running", refused)) }, string(BadQuery), true,
			func(s policy.Signals) map[string]bool {
				return map[string]bool{"arrivals": !s.Arrivals.Known, "ttft": !s.TTFTP95.Known}
			},
		},
		"quantiles fail: the rest is known": {
			func(p *faultProm) { p.breakWith(onlyFor("histogram_quantile", refused)) }, string(BadQuery), true,
			func(s policy.Signals) map[string]bool {
				return map[string]bool{"arrivals": s.Arrivals.Known, "ttft": !s.TTFTP95.Known}
			},
		},
		"a partial response may not lower": {
			func(p *faultProm) { p.warn = []string{"store unavailable"} }, FaultPartialResponse, true,
			func(s policy.Signals) map[string]bool { return map[string]bool{"arrivals": s.Arrivals.Known} },
		},
		"a remark changes nothing": {
			func(p *faultProm) { p.infos = []string{"PromQL info: odd"} }, FaultSourceRemark, false,
			func(s policy.Signals) map[string]bool { return map[string]bool{"arrivals": s.Arrivals.Known} },
		},
		"kube-state-metrics fails": {
			func(p *faultProm) { p.breakWith(onlyFor("kube_pod_created", refused)) }, string(BadQuery), true,
			func(s policy.Signals) map[string]bool { return map[string]bool{"arrivals": s.Arrivals.Known} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFaultProm(t, 1)
			vllmPod(t, p, "llm", "M", "m-5f4c8d9b7-aaaaa", epoch.Add(-10*time.Minute), epoch)
			tc.sabotage(p)
			in := read(
				t, NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "M")}, DefaultOptions()), epoch,
			)[0]
			if !slices.Contains(codes(in.Faults), tc.code) {
				t.Errorf("want fault %s, got %v", tc.code, in.Faults)
			}
			if in.Signals.Partial != tc.partial {
				t.Errorf("want partial %v, got %v", tc.partial, in.Signals.Partial)
			}
			for what, ok := range tc.known(in.Signals) {
				if !ok {
					t.Errorf("%s: got %+v", what, in.Signals)
				}
			}
		})
	}
}

func TestReaderOneDeadSourceLeavesTheOthersAlone(t *testing.T) {
	good, dead := newFaultProm(t, 1), newFaultProm(t, 2)
	vllmPod(t, good, "llm", "M", "a-5f4c8d9b7-aaaaa", epoch.Add(-10*time.Minute), epoch.Add(time.Minute))
	dead.breakWith(status(200, "text/html", "<html>login</html>"))
	a, b := bindingOf("llm", "a", "M"), bindingOf("llm", "b", "M")
	a.Source, b.Source = "good", "dead"
	clients := []*Client{
		good.client(t, func(o *SourceOptions) { o.Name = "good" }),
		dead.client(t, func(o *SourceOptions) { o.Name = "dead" }),
	}
	r := NewReader(clients, []Binding{b, a}, DefaultOptions())
	in := read(t, r, epoch)
	blamed := slices.Contains(codes(in[0].Faults), string(NotPrometheus))
	if in[0].Model.Name != "a" || !in[0].Signals.Arrivals.Known || blamed {
		t.Errorf("want model a as if nothing were wrong, got %+v", in[0])
	}
	if in[1].Signals.Arrivals.Known || !in[1].Signals.Partial || in[1].Supply[0].Known ||
		!slices.Contains(codes(in[1].Faults), string(NotPrometheus)) {
		t.Errorf("want model b unknown and why, got %+v", in[1])
	}
	good.breakWith(status(503, "text/plain", "boom"))
	err := r.Load(t.Context(), epoch, epoch.Add(scrape))
	var se *SourceError
	if !errors.As(err, &se) || !strings.Contains(err.Error(), "good") || !strings.Contains(err.Error(), "dead") {
		t.Errorf("want both sources named, got %v", err)
	}
}

func TestReaderSilenceIsUnknownNotZero(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "M", "m-5f4c8d9b7-aaaaa", epoch.Add(-10*time.Minute), epoch.Add(-3*time.Minute))
	in := read(t, NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "M")}, DefaultOptions()), epoch)[0]
	s := in.Signals
	if s.Arrivals.Known || s.TTFTP95.Known || in.Supply[0].Known {
		t.Errorf("want nothing known, got %+v", in)
	}
	if !slices.Contains(codes(in.Faults), FaultSupplyUnknown) {
		t.Errorf("want the reason, got %v", in.Faults)
	}
}

func TestReaderSaysWhichBindingCannotBeRead(t *testing.T) {
	p := newFaultProm(t, 1)
	lost, odd := bindingOf("llm", "lost", "M"), bindingOf("llm", "odd", "M")
	lost.Source, odd.Engine = "elsewhere", "vlm"
	in := read(t, NewReader([]*Client{p.client(t)}, []Binding{lost, odd}, DefaultOptions()), epoch)
	if f := in[0].Faults[0]; f.Code != FaultSourceUnknown || !strings.Contains(f.Text, "there are: default") {
		t.Errorf("want the sources that exist, got %+v", f)
	}
	found := slices.IndexFunc(in[1].Faults, func(f policy.Fault) bool { return f.Code == FaultEngineUnknown })
	if found < 0 || !strings.Contains(in[1].Faults[found].Text, "did you mean vllm") {
		t.Errorf("want the engine that was meant, got %+v", in[1].Faults)
	}
	for _, one := range in {
		if !one.Signals.Partial || len(one.Supply) != 1 || one.Supply[0].Known {
			t.Errorf("want a model that holds, got %+v", one)
		}
	}
}

func TestReaderAnswersTheSameLiveAndReplayed(t *testing.T) {
	p := newFaultProm(t, 1)
	for _, pod := range []string{"m-5f4c8d9b7-aaaaa", "m-5f4c8d9b7-bbbbb"} {
		vllmPod(t, p, "llm", "M", pod, epoch.Add(-20*time.Minute), epoch.Add(20*time.Minute))
	}
	bindings := []Binding{bindingOf("llm", "m", "M")}
	live := NewReader([]*Client{p.client(t)}, bindings, DefaultOptions())
	replay := NewReader([]*Client{p.client(t)}, bindings, DefaultOptions())
	if err := replay.Load(t.Context(), epoch, epoch.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	quantiles := cmpopts.IgnoreFields(policy.Signals{}, "TTFTP95", "ITLP95") // by the minute in history
	for at := epoch.Add(scrape); !at.After(epoch.Add(10 * time.Minute)); at = at.Add(scrape) {
		want, got := read(t, live, at), replay.At(at)
		if d := cmp.Diff(want, got, quantiles); d != "" {
			t.Fatalf("at %s (-live +replayed):\n%s", at, d)
		}
		if d := cmp.Diff(got, replay.At(at)); d != "" {
			t.Fatalf("asking twice gives two answers (-first +second):\n%s", d)
		}
		if !got[0].Signals.TTFTP95.Known {
			t.Fatalf("want a replayed TTFT at %s, got %+v", at, got[0].Signals.TTFTP95)
		}
	}
}

func TestReaderTakesNewBindings(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "M", "m-5f4c8d9b7-aaaaa", epoch.Add(-10*time.Minute), epoch.Add(time.Minute))
	vllmPod(t, p, "new", "N", "n-5f4c8d9b7-aaaaa", epoch.Add(-10*time.Minute), epoch.Add(time.Minute))
	r := NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "M")}, DefaultOptions())
	read(t, r, epoch)
	r.SetBindings([]Binding{bindingOf("new", "n", "N"), bindingOf("llm", "m", "M")})
	in := read(t, r, epoch.Add(scrape))
	if len(in) != 2 || !in[0].Signals.Arrivals.Known || !in[1].Signals.Arrivals.Known {
		t.Errorf("want both models with a rate at once, got %+v", in)
	}
}

func TestReaderNobodyServedIsNoLatency(t *testing.T) {
	p := newFaultProm(t, 1)
	at := []string{"namespace", "llm", "pod", "m-5f4c8d9b7-aaaaa", "job", "vllm", "instance", "a:8000"}
	with := append([]string{"model_name", "M"}, at...)
	start := epoch.Add(-10 * time.Minute)
	p.add(t, labelled("up", at...), every(scrape, start, epoch, always(1))...)
	p.add(t, labelled("vllm:num_requests_running", with...), every(scrape, start, epoch, always(0))...)
	for _, le := range []string{"1", "+Inf"} {
		p.add(
			t, labelled("vllm:time_to_first_token_seconds_bucket", append(with, "le", le)...),
			every(scrape, start, epoch, always(9))...,
		)
	}
	in := read(t, NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "M")}, DefaultOptions()), epoch)[0]
	if in.Signals.TTFTP95.Known {
		t.Errorf("want an unknown TTFT, got %+v", in.Signals.TTFTP95)
	}
}

func TestReaderSurvivesChaos(t *testing.T) {
	p := newFaultProm(t, 7)
	vllmPod(t, p, "llm", "M", "m-5f4c8d9b7-aaaaa", epoch.Add(-10*time.Minute), epoch.Add(time.Hour))
	p.breakWith(p.chaos(0.3))
	r := NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "M")}, DefaultOptions())
	known := 0
	for at := epoch; at.Before(epoch.Add(20 * time.Minute)); at = at.Add(scrape) {
		if err := r.Load(t.Context(), at.Add(-scrape), at); err != nil {
			continue
		}
		s := r.At(at)[0].Signals
		if !s.Arrivals.Known {
			continue
		}
		known++
		if s.Arrivals.Value < 1.8 || s.Arrivals.Value > 2.2 {
			t.Errorf("at %s: a known value must be true, got %+v", at, s.Arrivals)
		}
	}
	if known < 20 {
		t.Errorf("want the moments that work to work, got %d", known)
	}
}

func TestReaderTakesArrivalsFromTheGateway(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "M", "m-5f4c8d9b7-aaaaa", epoch.Add(-10*time.Minute), epoch)
	router := []string{"namespace", "gw", "pod", "router-0", "job", "router", "instance", "r:8000"}
	start := epoch.Add(-10 * time.Minute)
	p.add(t, labelled("up", router...), every(scrape, start, epoch, always(1))...)
	for name, perScrape := range map[string]float64{"M": 45, "another": 600} {
		p.add(t, labelled("vllm:num_incoming_requests_total", append(router, "model", name)...),
			every(scrape, start, epoch, func(i int) float64 { return perScrape * float64(i) })...)
	}
	b := bindingOf("llm", "m", "M")
	b.Gateway = &GatewayBinding{Preset: "production-stack"}
	s := read(t, NewReader([]*Client{p.client(t)}, []Binding{b}, DefaultOptions()), epoch)[0].Signals
	if s.ArrivalSource != policy.FromGateway || s.Arrivals.Value < 2.9 || s.Arrivals.Value > 3.1 {
		t.Errorf("want 3 arrivals/s of model M from the gateway, got %+v from %q", s.Arrivals, s.ArrivalSource)
	}
	ofRouter := func(q string) bool { return strings.HasPrefix(q, `{__name__="up",job="router"}`) }
	if !slices.ContainsFunc(p.queries(), ofRouter) {
		t.Errorf("want the gateway's own targets asked for, got %q", p.queries())
	}
}
