package signals

import (
	"testing"

	"github.com/forewarm/forewarm/policy"
)

func TestRefused(t *testing.T) {
	bind := func(preset string, match map[string]string) Binding {
		b := engineBinding("vllm", "m")
		b.Gateway = &GatewayBinding{Preset: preset, Match: match}
		return b
	}
	epp := bind("llm-d-epp", nil)
	to := func(code string) string {
		return "istio_requests_total{namespace=in,reporter=source,destination_service_name=m,response_code=" + code + "}"
	}
	counted := func() *story {
		return newStory().vllmPod("a").
			pod("epp", "llm_d_epp_request_total{namespace=gw,job=epp,target_model_name=m}", counting(100, 30)...).
			pod("epp", "llm_d_epp_flow_control_queue_size{namespace=gw,job=epp,target_model_name=m}", 0).
			up("epp", "up{namespace=gw,job=epp}", 1)
	}
	failed := func(code string) string {
		return "llm_d_epp_request_error_total{namespace=gw,job=epp,target_model_name=m,error_code=" + code + "}"
	}
	for name, tc := range map[string]struct {
		story   *story
		binding Binding
		want    string
	}{
		"errors of all codes are summed": {
			counted().pod("epp", failed("ServiceUnavailable"), counting(0, 6)...).
				pod("epp", failed("BadRequest"), counting(40, 1.5)...), epp, "0.5",
		},
		"no error yet is none":                    {counted(), epp, "0"},
		"errors of another model are not of this": {counted().pod("epp", failed("X")[:len(failed("X"))-1]+",target_model_name=n}", counting(0, 6)...), epp, "0"},
		"errors that went stale are not known":    {counted().pod("epp", failed("X"), until(2, counting(0, 6)...)...), epp, "?"},
		"one look at a new counter is not a rate": {counted().pod("epp", failed("X"), since(8, 6)...), epp, "?"},
		"429s and 5xx are refused, 400s and 2xx no": {
			newStory().vllmPod("a").pod("in", to("200"), counting(0, 15)...).pod("in", to("400"), counting(0, 15)...).
				pod("in", to("429"), counting(0, 3)...).pod("in", to("503"), counting(0, 6)...).up("in", "up{namespace=in}", 1),
			bind("istio", map[string]string{"destination_service_name": "m"}), "0.6",
		},
		"a gateway that counts no errors": {
			newStory().vllmPod("a").pod("r", "vllm:num_incoming_requests_total{namespace=gw,model=m}", counting(0, 15)...).
				up("r", "up{namespace=gw}", 1), bind("production-stack", nil), "?",
		},
		"no gateway": {newStory().vllmPod("a"), engineBinding("vllm", "m"), "?"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := NewEvaluator(DefaultOptions()).Signals(tc.binding, tc.story.window(), storyAt, nil)
			if r := shown(got.Refused); r != tc.want {
				t.Errorf("want %s, got %s", tc.want, r)
			}
			if tc.binding.Gateway != nil && (got.ArrivalSource != policy.FromGateway || got.Partial) {
				t.Errorf("want whole arrivals from the gateway, got %+v", got)
			}
		})
	}
}
