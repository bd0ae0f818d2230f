package signals

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// door is a gateway's page that a test writes.
type door struct {
	text    string
	status  int
	queries int
}

func (d *door) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	d.queries++
	if d.status != 0 {
		http.Redirect(w, &http.Request{Method: "GET", URL: &url.URL{Path: "/"}}, "http://169.254.169.254/", d.status)
		return
	}
	_, _ = fmt.Fprint(w, d.text)
}

// hung is a doorbell at a page, for models of some names behind one preset.
func hung(t *testing.T, d *door, preset string, match map[string]string, names ...string) *Doorbell {
	t.Helper()
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	bell := NewDoorbell()
	t.Cleanup(func() { bell.forget(nil) })
	var doors []Door
	for _, n := range names {
		doors = append(doors, Door{URL: s.URL + "/metrics", Binding: Binding{
			Model: policy.ModelID{Namespace: "llm", Name: n}, ModelName: "org/" + n,
			Gateway: &GatewayBinding{Preset: preset, Match: match},
		}})
	}
	bell.SetDoors(doors)
	return bell
}

func everybody(policy.ModelID) bool { return true }

func rings(t *testing.T, bell *Doorbell, at time.Time) string {
	t.Helper()
	var out []string
	for _, id := range bell.Ring(t.Context(), at, everybody) {
		out = append(out, id.Name)
	}
	return strings.Join(out, " ")
}

var midnight = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

func TestADoorbellRingsForWorkAndNothingElse(t *testing.T) {
	for name, tc := range map[string]struct {
		preset string
		match  map[string]string
		pages  []string
		want   []string
	}{
		"a queue": {
			"llm-d-epp", nil, []string{
				`llm_d_epp_flow_control_queue_size{target_model_name="org/a",priority="0"} 0`,
				`llm_d_epp_flow_control_queue_size{target_model_name="org/a",priority="0"} 2`,
			}, []string{"", "a"},
		},
		"another model's queue": {
			"llm-d-epp", nil, []string{`llm_d_epp_flow_control_queue_size{target_model_name="org/z"} 2`}, []string{""},
		},
		"old and new names are not summed, and the first that is there counts": {
			"llm-d-epp", nil, []string{
				"llm_d_epp_flow_control_queue_size{target_model_name=\"org/a\"} 0\n" +
					"inference_extension_flow_control_queue_size{target_model_name=\"org/a\"} 0\n# HELP x y\n",
			}, []string{""},
		},
		"arrivals, where there is no queue": {
			"production-stack", nil, []string{
				`vllm:num_incoming_requests_total{model="org/a"} 7`, `vllm:num_incoming_requests_total{model="org/a"} 7`,
				`vllm:num_incoming_requests_total{model="org/a"} 8`,
			}, []string{"", "", "a"},
		},
		"the first request ever": {
			"production-stack", nil, []string{"", `vllm:num_incoming_requests_total{model="org/a"} 1`}, []string{"", "a"},
		},
		"a gateway that was restarted": {
			"production-stack", nil, []string{
				`vllm:num_incoming_requests_total{model="org/a"} 7`, `vllm:num_incoming_requests_total{model="org/a"} 0`,
			}, []string{"", ""},
		},
		"labels of the target are not on the page": {
			"istio", map[string]string{"destination_service_name": "a", "job": "ingress"}, []string{
				`istio_requests_total{reporter="source",destination_service_name="a"} 1`,
				`istio_requests_total{reporter="source",destination_service_name="a",response_flags="UH"} 2`,
			}, []string{"", "a"},
		},
		"the namespace of another": {
			"keda-http-add-on", map[string]string{"route_name": "a"}, []string{
				`interceptor_request_concurrency{route_name="a",route_namespace="other"} 3`,
			}, []string{""},
		},
		"no numbers": {
			"llm-d-epp", nil, []string{
				`llm_d_epp_flow_control_queue_size{target_model_name="org/a"} NaN`,
				`llm_d_epp_flow_control_queue_size{target_model_name="org/a"} +Inf`,
				`llm_d_epp_flow_control_queue_size{target_model_name="org/a"} -4`, `llm_d_epp_flow_control_queue_size{ oops`,
			}, []string{"", "", "", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := &door{}
			bell := hung(t, d, tc.preset, tc.match, "a")
			for i, p := range tc.pages {
				d.text = p + "\n"
				if got := rings(t, bell, midnight.Add(time.Duration(i)*time.Second)); got != tc.want[i] {
					t.Errorf("page %d: want %q, got %q", i, tc.want[i], got)
				}
			}
		})
	}
}

func TestAPageIsReadOnceForAllItsModelsAndOnlyForThoseAsleep(t *testing.T) {
	d := &door{text: "vllm:num_incoming_requests_total 1\n"}
	bell := hung(t, d, "production-stack", nil, "a", "b", "c")
	rings(t, bell, midnight)
	if d.queries != 1 {
		t.Errorf("want one request, got %d", d.queries)
	}
	bell.Ring(t.Context(), midnight, func(policy.ModelID) bool { return false })
	if d.queries != 1 || len(bell.pages) != 0 {
		t.Errorf("want no request and no connection while all are awake, got %d and %d", d.queries, len(bell.pages))
	}
}

func TestEachCopyOfAGatewayCountsForItself(t *testing.T) {
	d := &door{}
	bell := hung(t, d, "production-stack", nil, "a")
	p := bell.pageOf(bell.doors[0].URL)
	p.lookup = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1", "::ffff:127.0.0.1"}, nil }
	for i, want := range []string{"", "", "a"} {
		d.text = fmt.Sprintf("vllm:num_incoming_requests_total{model=\"org/a\"} %d\n", 100+i/2)
		if got := rings(t, bell, midnight.Add(time.Duration(i)*time.Second)); got != want {
			t.Errorf("reading %d: want %q, got %q", i, want, got)
		}
	}
}

// hanging answers nobody at 127.0.0.0, as a pod that is going.
type hanging struct{ http.RoundTripper }

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Host, "127.0.0.0:") {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return h.RoundTripper.RoundTrip(r)
}

func TestACopyThatIsGoneHidesNoOtherAndForgetsNothing(t *testing.T) {
	d := &door{}
	bell := hung(t, d, "production-stack", nil, "a")
	p := bell.pageOf(bell.doors[0].URL)
	p.client.Transport = hanging{p.client.Transport}
	var here []string
	p.lookup = func(context.Context, string) ([]string, error) { return here, nil }
	for i, tc := range []struct {
		addresses []string
		count     int
		want      string
	}{
		{[]string{"127.0.0.1"}, 7, ""},
		{[]string{"127.0.0.0", "127.0.0.1"}, 8, "a"},
		{[]string{"127.0.0.0"}, 0, ""},
		{[]string{"127.0.0.1"}, 9, "a"},
	} {
		here, d.text = tc.addresses, fmt.Sprintf("vllm:num_incoming_requests_total{model=\"org/a\"} %d\n", tc.count)
		if got := rings(t, bell, midnight.Add(time.Duration(i)*time.Second)); got != tc.want {
			t.Errorf("reading %d: want %q, got %q", i, tc.want, got)
		}
	}
}

func TestWhatIsCountedWhileAwakeIsNoKnocking(t *testing.T) {
	d := &door{text: "vllm:num_incoming_requests_total{model=\"org/a\"} 7\n"}
	bell := hung(t, d, "production-stack", nil, "a")
	rings(t, bell, midnight)
	bell.Ring(t.Context(), midnight, func(policy.ModelID) bool { return false })
	d.text = "vllm:num_incoming_requests_total{model=\"org/a\"} 900\n"
	if got := rings(t, bell, midnight.Add(time.Hour)); got != "" {
		t.Errorf("want silence, got %q", got)
	}
}

func TestWhatWasHeardIsKnownForAMinute(t *testing.T) {
	d := &door{text: "llm_d_epp_flow_control_queue_size{target_model_name=\"org/a\"} 3\n"}
	bell := hung(t, d, "llm-d-epp", nil, "a")
	rings(t, bell, midnight)
	in := func(now time.Time, spec int) policy.Input {
		return policy.Input{
			Model: policy.ModelID{Namespace: "llm", Name: "a"}, Now: now,
			Supply: []policy.Supply{{Variant: "main", Known: true, Spec: spec}},
		}
	}
	for name, tc := range map[string]struct {
		in   policy.Input
		want policy.Reading
	}{
		"at the tick before": {in(midnight.Add(-20*time.Second), 0), policy.Seen(3, 0)},
		"at the next tick":   {in(midnight.Add(15*time.Second), 0), policy.Seen(3, 15*time.Second)},
		"a minute later":     {in(midnight.Add(time.Minute), 0), policy.Reading{}},
		"of the past":        {in(midnight.Add(-time.Hour), 0), policy.Reading{}},
		"awake":              {in(midnight.Add(15*time.Second), 1), policy.Reading{}},
	} {
		if got := bell.Beside(tc.in).Signals.GatewayQueue; got != tc.want {
			t.Errorf("%s: want %+v, got %+v", name, tc.want, got)
		}
	}
	longer := in(midnight, 0)
	longer.Signals.GatewayQueue = policy.Seen(9, time.Second)
	if got := bell.Beside(longer).Signals.GatewayQueue.Value; got != 9 {
		t.Errorf("want what Prometheus knows to stay, got %g", got)
	}
}

func TestADoorThatDoesNotOpenIsAFaultAndLowersNothing(t *testing.T) {
	for name, spoil := range map[string]func(*door, *page){
		"a redirect": func(d *door, _ *page) { d.status = http.StatusFound },
		"no name": func(_ *door, p *page) {
			p.lookup = func(context.Context, string) ([]string, error) { return nil, errors.New("no such host") }
		},
		"no text":     func(d *door, _ *page) { d.text = "llm_d_epp_request_total{\n" },
		"a long line": func(d *door, _ *page) { d.text = strings.Repeat("x", 2<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			d := &door{}
			bell := hung(t, d, "llm-d-epp", nil, "a")
			spoil(d, bell.pageOf(bell.doors[0].URL))
			if got := rings(t, bell, midnight); got != "" {
				t.Errorf("want silence, got %q", got)
			}
			in := policy.Input{Model: policy.ModelID{Namespace: "llm", Name: "a"}, Now: midnight}
			in.Signals.GatewayQueue = policy.Seen(2, 0)
			out := bell.Beside(in)
			if out.Signals.GatewayQueue.Value != 2 || out.Signals.Partial || len(out.Faults) != 1 || out.Faults[0].Code != FaultGatewayScrape {
				t.Errorf("want the queue as it was and a fault, got %+v", out)
			}
		})
	}
}

// What a model heard goes with it: one that comes back under its name was not knocked at in between.
func TestADoorbellForgetsModelsThatAreGone(t *testing.T) {
	d := &door{text: "vllm:num_incoming_requests_total{model=\"org/a\"} 7\n"}
	bell := hung(t, d, "production-stack", nil, "a", "b")
	rings(t, bell, midnight)
	doors := bell.doors
	bell.SetDoors(doors[1:])
	if _, ok := bell.heard[doors[0].Binding.Model]; ok || len(bell.heard) != 1 {
		t.Errorf("want only b remembered, got %v", bell.heard)
	}
	d.text = "vllm:num_incoming_requests_total{model=\"org/a\"} 9\n"
	bell.SetDoors(doors)
	if got := rings(t, bell, midnight.Add(time.Hour)); got != "" {
		t.Errorf("want the requests of the time between not counted, got %q", got)
	}
}
