package signals

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// ksmLook is long enough for a kube-state-metrics scraped once a minute.
const ksmLook = 3 * time.Minute

// gpuResources are the extended resources of accelerators, as kube-state-metrics
// spells them.
const gpuResources = "nvidia_com_.+|amd_com_gpu|gpu_intel_com_.+|habana_ai_gaudi|google_com_tpu|aws_amazon_com_neuron.*"

const (
	ksmRequests   = "kube_pod_container_resource_requests"
	ksmNodeLabels = "kube_node_labels"
)

// gpuRequest is what a pod asks for and where it runs.
type gpuRequest struct {
	count float64
	node  string
}

// nodeInfo is what a node's labels say.
type nodeInfo struct {
	product      string
	capacityType policy.CapacityType // "" = not told
}

// loadCluster reads kube-state-metrics for the namespaces of the models. What
// cannot be had is assumed and said.
func (d *discoverer) loadCluster(ctx context.Context, models []*served) {
	var bindings []Binding
	for _, m := range models {
		if m.namespace != "" {
			bindings = append(bindings, Binding{Model: policy.ModelID{Namespace: m.namespace}})
		}
	}
	d.cluster = viewAt(d.window, d.at)
	if len(bindings) == 0 {
		return
	}
	for _, label := range []string{"namespace", "exported_namespace"} {
		f := ksmFetch(bindings, label)
		if !d.ask(ctx, over(selector(f.names, f.scope), ksmLook), "kube-state-metrics") {
			return
		}
		if d.cluster = viewAt(d.window, d.at); len(d.cluster.newest) > 0 {
			d.loadGPUs(ctx, f.scope[0])
			return
		}
	}
	d.assume("kube-state-metrics is not scraped here: owners, replicas and GPUs are assumed from pod names.")
}

// ask runs a query that discovery can do without.
func (d *discoverer) ask(ctx context.Context, query, what string) bool {
	r, err := d.client.Query(ctx, query, d.at)
	if err != nil {
		d.out.Faults = append(d.out.Faults, faultOf(d.client.Name(), err))
		d.assume("%s could not be read: what it would tell is assumed.", what)
		return false
	}
	d.keep(r, what)
	return true
}

// loadGPUs reads what pods ask for and what their nodes are.
func (d *discoverer) loadGPUs(ctx context.Context, namespace matcher) {
	d.gpus, d.nodes = map[objectKey]gpuRequest{}, map[string]nodeInfo{}
	if !d.ask(ctx, gpuQuery(namespace), "GPU requests") {
		return
	}
	type unit struct {
		objectKey
		container, resource string
	}
	seen := map[unit]bool{} // a pair of exporters tells everything twice
	nodes := []string{}
	for _, s := range d.window.Select(ksmRequests) {
		last, ok := lastBefore(s, d.at)
		pod := objectKey{label(s, "namespace"), label(s, "pod")}
		u := unit{pod, label(s, "container"), s.Label("resource")}
		if !ok || !sensible(last.V) || seen[u] {
			continue
		}
		seen[u] = true
		one := d.gpus[pod]
		one.count += last.V
		if n := label(s, "node"); n != "" {
			one.node = n
			nodes = append(nodes, n)
		}
		d.gpus[pod] = one
	}
	if len(nodes) == 0 || !d.ask(ctx, nodeQuery(nodes), "node labels") {
		return
	}
	for _, s := range d.window.Select(ksmNodeLabels) {
		d.nodes[label(s, "node")] = nodeFrom(s)
	}
}

// gpuQuery asks for the newest value; the raw range would only repeat it.
func gpuQuery(namespace matcher) string {
	return fmt.Sprintf(`%s{%s,resource=~"%s"}`, ksmRequests, namespace, gpuResources)
}

func nodeQuery(nodes []string) string {
	return fmt.Sprintf(`%s{%s}`, ksmNodeLabels, matcher{label: "node", values: distinct(nodes)})
}

// nodeFrom reads the labels by which clouds and Karpenter mark how a node was
// bought. kube-state-metrics writes camelCase as snake_case in newer versions.
func nodeFrom(s *Series) nodeInfo {
	n := nodeInfo{product: s.Label("label_nvidia_com_gpu_product")}
	first := func(names ...string) string {
		for _, name := range names {
			if v := s.Label("label_" + name); v != "" {
				return strings.ToLower(v)
			}
		}
		return ""
	}
	switch {
	case first("karpenter_sh_capacity_type", "eks_amazonaws_com_capacity_type", "eks_amazonaws_com_capacitytype",
		"eks_amazonaws_com_capacityType") == "spot",
		first("cloud_google_com_gke_spot", "cloud_google_com_gke_preemptible") == "true",
		first("kubernetes_azure_com_scalesetpriority") == "spot":
		n.capacityType = policy.Spot
	case first("karpenter_sh_capacity_type") == "reserved":
		n.capacityType = policy.Reserved
	case first("karpenter_sh_capacity_type", "eks_amazonaws_com_capacity_type", "eks_amazonaws_com_capacitytype",
		"eks_amazonaws_com_capacityType") != "":
		n.capacityType = policy.OnDemand
	}
	return n
}

// workload is the scalable object behind pods.
type workload struct{ kind, name string }

// variants finds the scalable objects behind a model's pods.
func (d *discoverer) variants(f *Found, m *served, havePods bool) {
	pods := map[workload][]string{}
	guessed := map[workload]bool{}
	var order []workload
	for _, p := range f.Pods {
		w, known := d.workloadOf(m.namespace, p)
		if !havePods { // an instance is an address: nothing can be told from it
			w, known = workload{"", orElse(m.job, orElse(m.model, m.preset.Name))}, false
		}
		if pods[w] == nil {
			order = append(order, w)
		}
		pods[w] = append(pods[w], p)
		guessed[w] = !known
	}
	for _, w := range order {
		v := variantFrom(w, pods[w])
		if guessed[w] {
			f.Assumed = append(f.Assumed, fmt.Sprintf("%s %s is assumed from the names of its pods.", v.Kind, v.Target))
		}
		if !scalable(v.Kind) {
			f.Assumed = append(f.Assumed, fmt.Sprintf("%s is owned by a %s, which Forewarm cannot scale; "+
				"the advice stands, the target is assumed.", v.Target, v.Kind))
		}
		d.size(f, &v, m.namespace, guessed[w])
		f.Variants = append(f.Variants, v)
	}
	nameVariants(f.Variants)
	slices.SortFunc(f.Variants, func(a, b FoundVariant) int { return strings.Compare(a.Name, b.Name) })
}

// workloadOf follows the owners of a pod, else guesses from its name.
func (d *discoverer) workloadOf(namespace, podName string) (workload, bool) {
	if p := d.cluster.pod(namespace, podName); p != nil && p.owner != "" && p.ownerKind != "" {
		if p.ownerKind == noOwner {
			return workload{kindPod, podName}, true
		}
		w := workload{p.ownerKind, p.owner}
		if w.kind == kindReplicaSet {
			if top, ok := d.cluster.replica[objectKey{namespace, w.name}]; ok && top[1] != "" {
				w = workload{top[0], top[1]}
			}
		}
		if w.kind == kindStateful && d.cluster.leads(namespace, w.name) {
			w.kind = kindLWS
		}
		return w, true
	}
	kind, name := workloadByName(podName)
	return workload{kind, name}, false
}

// leads says whether a StatefulSet holds the leaders of a LeaderWorkerSet: each
// leader X-0 has a StatefulSet X-0 of workers.
func (c *ksmView) leads(namespace, name string) bool {
	_, ok := c.stateful[objectKey{namespace, name + "-0"}]
	return ok
}

// size fills replicas, GPUs, product and capacity type.
func (d *discoverer) size(f *Found, v *FoundVariant, namespace string, guessed bool) {
	say := func(format string, args ...any) { f.Assumed = append(f.Assumed, fmt.Sprintf(format, args...)) }
	s, fault := d.cluster.variantSupply(namespace, VariantBinding{Name: v.Name, Kind: v.Kind, Target: v.Target}, nil)
	v.Replicas = len(v.Pods)
	if fault == nil && s.Known {
		v.Replicas = s.Spec
	} else if !guessed {
		say("Replicas of %s are taken to be the %d pods seen.", v.Target, len(v.Pods))
	}
	for _, p := range v.Pods {
		v.GPUs = max(v.GPUs, d.gpusOf(namespace, p, v.Kind == kindLWS))
		node := d.nodes[d.gpus[objectKey{namespace, p}].node]
		v.Product = orElse(v.Product, node.product)
		if v.CapacityType == "" || node.capacityType == policy.Spot {
			v.CapacityType = policy.CapacityType(orElse(string(node.capacityType), string(v.CapacityType)))
		}
	}
	if v.GPUs == 0 {
		v.GPUs = 1
		say("One GPU per replica of %s is assumed: its requests are not known.", v.Target)
	}
	if v.CapacityType == "" {
		v.CapacityType = policy.OnDemand
		say("%s is taken to be on-demand: the labels of its nodes are not known.", v.Target)
	}
}

// gpusOf is what one replica asks for: a pod, or a leader with its workers.
func (d *discoverer) gpusOf(namespace, podName string, group bool) int {
	sum := d.gpus[objectKey{namespace, podName}].count
	if group {
		for k, g := range d.gpus {
			if k.namespace == namespace && strings.HasPrefix(k.name, podName+"-") {
				sum += g.count
			}
		}
	}
	return int(sum)
}
