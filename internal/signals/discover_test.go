package signals

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forewarm/forewarm/policy"
)

// scene adds series that were scraped for the last ten minutes.
type scene struct {
	t *testing.T
	p *faultProm
}

func (s scene) is(v float64, metric string, pairs ...string) {
	s.t.Helper()
	s.p.add(s.t, labelled(metric, pairs...), every(scrape, ago(10*time.Minute), epoch, always(v))...)
}

func (s scene) vllm(ns, model, pod string) {
	vllmPod(s.t, s.p, ns, model, pod, ago(10*time.Minute), epoch)
}

// ksmDeployment is a Deployment with pods, GPUs and a node each.
func (s scene) ksmDeployment(ns, name string, gpus float64, nodeLabels []string, pods ...string) {
	at := []string{"namespace", ns, "job", "ksm", "instance", "ksm:8080"}
	s.is(float64(len(pods)), ksmDeploySpec, append(at, "deployment", name)...)
	s.is(1, ksmReplicaSet, append(at, "replicaset", name+"-rs", "owner_kind", kindDeployment, "owner_name", name)...)
	for _, pod := range pods {
		of := append(slices.Clone(at), "pod", pod, "uid", "u-"+pod)
		s.is(1.7e9, ksmPodCreated, of...)
		s.is(1, ksmPodOwner, append(of, "owner_kind", kindReplicaSet, "owner_name", name+"-rs")...)
		s.is(1, ksmPodReady, append(of, "condition", "true")...)
		s.is(gpus, ksmRequests, append(of, "container", "vllm", "resource", "nvidia_com_gpu", "node", "node-"+pod)...)
		s.is(8, ksmRequests, append(of, "container", "vllm", "resource", "cpu", "node", "node-"+pod)...)
		s.is(
			1, ksmNodeLabels,
			append([]string{"job", "ksm", "instance", "ksm:8080", "node", "node-" + pod}, nodeLabels...)...,
		)
	}
}

func TestDiscoverFindsWhatIsServed(t *testing.T) {
	const llama = "meta-llama/Llama-3.1-8B"
	spot := []string{"label_nvidia_com_gpu_product", "NVIDIA-H100", "label_karpenter_sh_capacity_type", "spot"}
	for name, tc := range map[string]struct {
		scene  func(s scene)
		change func(o *DiscoverOptions)
		want   []Found
		says   []string
	}{
		"owners, replicas, GPUs and nodes from kube-state-metrics": {
			scene: func(s scene) {
				s.vllm("llm", llama, "llama-rs-1")
				s.vllm("llm", llama, "llama-rs-2")
				s.ksmDeployment("llm", "llama", 4, spot, "llama-rs-1", "llama-rs-2")
			},
			want: []Found{{
				ID: policy.ModelID{Namespace: "llm", Name: "meta-llama-llama-3-1-8b"}, Engine: "vllm", ModelName: llama,
				Labels: DefaultLabels(), Pods: []string{"llama-rs-1", "llama-rs-2"},
				Variants: []FoundVariant{{
					Name: "llama", APIVersion: "apps/v1", Kind: kindDeployment, Target: "llama", Replicas: 2, GPUs: 4,
					Product: "NVIDIA-H100", CapacityType: policy.Spot, Pods: []string{"llama-rs-1", "llama-rs-2"},
				}},
			}},
		},
		"two variants of one model": {
			scene: func(s scene) {
				s.vllm("llm", "m", "m-rs-1")
				s.vllm("llm", "m", "m-spot-rs-1")
				s.ksmDeployment("llm", "m", 1, []string{"label_eks_amazonaws_com_capacity_type", "ON_DEMAND"}, "m-rs-1")
				s.ksmDeployment("llm", "m-spot", 1, []string{"label_cloud_google_com_gke_spot", "true"}, "m-spot-rs-1")
			},
			want: []Found{{
				ID: policy.ModelID{Namespace: "llm", Name: "m"}, Engine: "vllm", ModelName: "m",
				Labels: DefaultLabels(), Pods: []string{"m-rs-1", "m-spot-rs-1"},
				Variants: []FoundVariant{
					{
						Name: "m", APIVersion: "apps/v1", Kind: kindDeployment, Target: "m", Replicas: 1, GPUs: 1,
						CapacityType: policy.OnDemand, Pods: []string{"m-rs-1"},
					},
					{
						Name: "m-spot", APIVersion: "apps/v1", Kind: kindDeployment, Target: "m-spot",
						Replicas: 1, GPUs: 1,
						CapacityType: policy.Spot, Pods: []string{"m-spot-rs-1"},
					},
				},
			}},
		},
		"without kube-state-metrics: names and one GPU are assumed, and said": {
			scene: func(s scene) {
				s.vllm("llm", "m", "chat-5f4c8d9b7-aaaaa")
				s.vllm("llm", "m", "chat-5f4c8d9b7-bbbbb")
			},
			want: []Found{{
				ID: policy.ModelID{Namespace: "llm", Name: "m"}, Engine: "vllm", ModelName: "m",
				Labels: DefaultLabels(), Pods: []string{"chat-5f4c8d9b7-aaaaa", "chat-5f4c8d9b7-bbbbb"},
				Variants: []FoundVariant{{
					Name: "chat", APIVersion: "apps/v1", Kind: kindDeployment, Target: "chat", Replicas: 2, GPUs: 1,
					CapacityType: policy.OnDemand, Pods: []string{"chat-5f4c8d9b7-aaaaa", "chat-5f4c8d9b7-bbbbb"},
				}},
			}},
			says: []string{
				"kube-state-metrics is not scraped", "Deployment chat is assumed", "One GPU per replica of chat",
				"chat is taken to be on-demand",
			},
		},
		"a laptop: no namespace, no pod": {
			scene: func(s scene) {
				s.is(1, "vllm:num_requests_running", "job", "vllm", "instance", "localhost:8000", "model_name", "m")
			},
			want: []Found{{
				ID: policy.ModelID{Namespace: "default", Name: "m"}, Engine: "vllm", ModelName: "m",
				Labels: Labels{Pod: "pod"}, Pods: []string{"localhost:8000"},
				Variants: []FoundVariant{{
					Name: "m", APIVersion: "apps/v1", Kind: kindDeployment, Target: "m", Replicas: 1, GPUs: 1,
					CapacityType: policy.OnDemand, Pods: []string{"localhost:8000"},
				}},
			}},
			says: []string{`namespace "default" is assumed`, "each scraped instance is taken for one replica"},
		},
		"the router's copies are not pods, its counter is a gateway": {
			scene: func(s scene) {
				s.vllm("llm", "m", "m-0")
				s.is(
					9, "vllm:num_requests_running", "namespace", "llm", "pod", "router-1", "server",
					"http://m-0:8000", "model_name", "m",
				)
				s.is(9, "vllm:num_incoming_requests_total", "namespace", "llm", "pod", "router-1", "model", "m")
			},
			want: []Found{{
				ID: policy.ModelID{Namespace: "llm", Name: "m"}, Engine: "vllm", ModelName: "m",
				Labels: DefaultLabels(), Pods: []string{"m-0"}, Gateway: &GatewayBinding{Preset: "production-stack"},
				Variants: []FoundVariant{{
					Name: "m", APIVersion: "apps/v1", Kind: kindStateful, Target: "m", Replicas: 1, GPUs: 1,
					CapacityType: policy.OnDemand, Pods: []string{"m-0"},
				}},
			}},
		},
		"a gateway of a model served twice is not guessed": {
			scene: func(s scene) {
				s.vllm("blue", "m", "m-0")
				s.vllm("green", "m", "m-0")
				s.is(9, "vllm:num_incoming_requests_total", "pod", "router-1", "model", "m")
			},
			want: []Found{
				{
					ID: policy.ModelID{Namespace: "blue", Name: "m"}, Engine: "vllm", ModelName: "m",
					Labels: DefaultLabels(), Pods: []string{"m-0"},
				},
				{
					ID: policy.ModelID{Namespace: "green", Name: "m"}, Engine: "vllm", ModelName: "m",
					Labels: DefaultLabels(), Pods: []string{"m-0"},
				},
			},
			says: []string{"served more than once"},
		},
		"ids that look alike keep apart": {
			scene: func(s scene) { s.vllm("llm", "org/m.1", "a-0"); s.vllm("llm", "org-m:1", "b-0") },
			want: []Found{
				{
					ID:     policy.ModelID{Namespace: "llm", Name: "org-m-1-" + tail("vllm\xfforg/m.1\xff")},
					Engine: "vllm", ModelName: "org/m.1", Labels: DefaultLabels(), Pods: []string{"a-0"},
				},
				{
					ID:     policy.ModelID{Namespace: "llm", Name: "org-m-1-" + tail("vllm\xfforg-m:1\xff")},
					Engine: "vllm", ModelName: "org-m:1", Labels: DefaultLabels(), Pods: []string{"b-0"},
				},
			},
		},
		"no model label: the job tells models apart": {
			scene: func(s scene) {
				s.is(
					1, "llamacpp:requests_processing", "namespace", "llm", "pod", "tiny-0", "job", "tiny", "instance",
					"a:8080",
				)
				s.is(
					1, "llamacpp:requests_processing", "namespace", "llm", "pod", "wee-0", "job", "wee", "instance",
					"b:8080",
				)
			},
			want: []Found{
				{
					ID: policy.ModelID{Namespace: "llm", Name: "tiny"}, Engine: "llama-cpp", Labels: DefaultLabels(),
					Pods: []string{"tiny-0"}, Matchers: map[string]string{"job": "tiny"},
				},
				{
					ID: policy.ModelID{Namespace: "llm", Name: "wee"}, Engine: "llama-cpp", Labels: DefaultLabels(),
					Pods: []string{"wee-0"}, Matchers: map[string]string{"job": "wee"},
				},
			},
			says: []string{"no model label"},
		},
		"a LeaderWorkerSet counts leaders and all GPUs of a group": {
			scene: func(s scene) {
				s.vllm("llm", "big", "big-0")
				at := []string{"namespace", "llm", "job", "ksm", "instance", "ksm:8080"}
				s.is(1, ksmStatefulset, append(at, "statefulset", "big")...)
				s.is(1, ksmStatefulset, append(at, "statefulset", "big-0")...)
				for pod, owner := range map[string]string{"big-0": "big", "big-0-1": "big-0"} {
					of := append(slices.Clone(at), "pod", pod, "uid", pod)
					s.is(1.7e9, ksmPodCreated, of...)
					s.is(1, ksmPodOwner, append(of, "owner_kind", kindStateful, "owner_name", owner)...)
					s.is(8, ksmRequests, append(of, "container", "vllm", "resource", "nvidia_com_gpu", "node", "n")...)
				}
			},
			want: []Found{{
				ID: policy.ModelID{Namespace: "llm", Name: "big"}, Engine: "vllm", ModelName: "big",
				Labels: DefaultLabels(), Pods: []string{"big-0"},
				Variants: []FoundVariant{{
					Name: "big", APIVersion: "leaderworkerset.x-k8s.io/v1", Kind: kindLWS, Target: "big",
					Replicas: 1, GPUs: 16,
					CapacityType: policy.OnDemand, Pods: []string{"big-0"},
				}},
			}},
		},
		"one namespace only": {
			scene:  func(s scene) { s.vllm("a", "m", "m-0"); s.vllm("b", "m", "m-0") },
			change: func(o *DiscoverOptions) { o.Namespaces = []string{"b"} },
			want: []Found{
				{
					ID: policy.ModelID{Namespace: "b", Name: "m"}, Engine: "vllm", ModelName: "m",
					Labels: DefaultLabels(), Pods: []string{"m-0"},
				},
			},
		},
		"seen eight minutes ago: found, and said": {
			scene: func(s scene) { vllmPod(s.t, s.p, "llm", "m", "m-0", ago(20*time.Minute), ago(8*time.Minute)) },
			want: []Found{
				{
					ID: policy.ModelID{Namespace: "llm", Name: "m"}, Engine: "vllm", ModelName: "m",
					Labels: DefaultLabels(), Silent: []string{"m-0"},
				},
			},
			says: []string{"No fresh samples"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFaultProm(t, 1)
			tc.scene(scene{t, p})
			opt := DefaultDiscoverOptions()
			if tc.change != nil {
				tc.change(&opt)
			}
			d, err := Discover(t.Context(), p.client(t), epoch, opt)
			if err != nil {
				t.Fatal(err)
			}
			said := d.Assumed
			for i := range d.Found {
				said = append(said, d.Found[i].Assumed...)
				d.Found[i].Assumed = nil
				if i < len(tc.want) && tc.want[i].Variants == nil {
					d.Found[i].Variants = nil // not what this story is about
				}
			}
			if diff := cmp.Diff(tc.want, d.Found, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			for _, want := range tc.says {
				if !strings.Contains(strings.Join(said, "\n"), want) {
					t.Errorf("want %q among:\n%s", want, strings.Join(said, "\n"))
				}
			}
			if n := len(p.queries()); n > 6 {
				t.Errorf("want a handful of queries, got %d", n)
			}
		})
	}
}
