package signals

import (
	"errors"
	"strings"
	"testing"
)

// tail is the hash that keeps two slugs apart.
func tail(id string) string { return strings.TrimPrefix(hashed("", id), "-") }

func TestDiscoverySaysWhatItLookedForAndWhatIsNear(t *testing.T) {
	for name, tc := range map[string]struct {
		scene func(s scene)
		says  []string
		kind  ErrorKind
	}{
		"an empty Prometheus": {
			func(scene) {},
			[]string{"no inference engine seen", "vllm: vllm:num_requests_running", "sglang:", "PodMonitor"},
			"",
		},
		"renamed metrics": {
			func(s scene) { s.is(1, "vllm:requests_in_flight", "pod", "a") },
			[]string{"Similar series exist: vllm:requests_in_flight"},
			"",
		},
		"no Prometheus": {
			func(s scene) { s.p.breakWith(status(200, "text/html", "<html>Grafana</html>")) },
			[]string{"discover models", "Grafana"},
			NotPrometheus,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFaultProm(t, 1)
			tc.scene(scene{t, p})
			_, err := Discover(t.Context(), p.client(t), epoch, DefaultDiscoverOptions())
			if err == nil {
				t.Fatal("want an error")
			}
			for _, want := range tc.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in: %v", want, err)
				}
			}
			var none *NotFoundError
			if errors.As(err, &none) != (tc.kind == "") || kindOf(err) != tc.kind {
				t.Errorf("want kind %q, got %T %v", tc.kind, err, err)
			}
		})
	}
}

func TestWhatIsFoundCanBeRead(t *testing.T) {
	p := newFaultProm(t, 1)
	scene{t, p}.vllm("llm", "meta/M", "m-5f4c8d9b7-aaaaa")
	c := p.client(t)
	d, err := Discover(t.Context(), c, epoch, DefaultDiscoverOptions())
	if err != nil {
		t.Fatal(err)
	}
	in := read(t, NewReader([]*Client{c}, []Binding{d.Found[0].Binding(c.Name())}, DefaultOptions()), epoch)
	if len(in) != 1 || !in[0].Signals.Arrivals.Known || in[0].Supply[0].Spec != 1 {
		t.Errorf("want signals and supply of what was found, got %+v", in)
	}
}

func TestSlugsAreDNSLabels(t *testing.T) {
	for id, want := range map[string]string{
		"meta-llama/Meta-Llama-3.1-70B-Instruct": "meta-llama-meta-llama-3-1-70b-instruct",
		"qwen:72b":                               "qwen-72b",
		"--x__y--":                               "x-y",
		"///":                                    "model",
		"模型":                                     "model",
	} {
		if got := Slug(id); got != want {
			t.Errorf("%s: want %s, got %s", id, want, got)
		}
	}
	long := strings.Repeat("a-very-long-model-name/", 5)
	if got, other := Slug(long), Slug(long+"x"); len(got) > 63 || got == other {
		t.Errorf("want two labels of at most 63 letters, got %s and %s", got, other)
	}
}
