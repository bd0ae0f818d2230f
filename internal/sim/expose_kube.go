package sim

import (
	"io"
	"math"
)

// containerName is the name of the engine's container in every simulated pod.
const containerName = "vllm"

// pendingShare is the part of a warm-up a pod spends before its container runs: node, image, volumes.
const pendingShare = 0.2

// ExposeKube writes what kube-state-metrics says about the fleets: ownership, replicas and, per pod,
// phase, readiness, moments and GPUs.
func ExposeKube(w io.Writer, fleets ...*Fleet) error {
	k := kube{fleets: fleets}
	k.deployments()
	k.owners()
	k.perPod("kube_pod_created", func(f *Fleet, p *Pod) {
		k.sample("kube_pod_created", p.kube, f.unix(p.created))
	})
	k.perPod("kube_pod_status_phase", func(f *Fleet, p *Pod) { k.phase(f, p) })
	k.perPod("kube_pod_status_ready", func(_ *Fleet, p *Pod) { k.ready(p) })
	k.perPod("kube_pod_status_ready_time", func(f *Fleet, p *Pod) {
		if p.Serving() {
			k.sample("kube_pod_status_ready_time", p.kube, f.unix(p.readyAt))
		}
	})
	k.perPod("kube_pod_status_scheduled_time", func(f *Fleet, p *Pod) {
		if p.placed {
			k.sample("kube_pod_status_scheduled_time", p.kube, f.unix(p.placedAt))
		}
	})
	k.perPod("kube_pod_deletion_timestamp", func(f *Fleet, p *Pod) {
		if p.state == Draining {
			k.sample("kube_pod_deletion_timestamp", p.kube, f.unix(p.drainAt))
		}
	})
	k.perPod("kube_pod_container_resource_requests", func(f *Fleet, p *Pod) {
		k.sample("kube_pod_container_resource_requests", p.kube+","+pairs("container", containerName,
			"node", p.node(), "resource", "nvidia_com_gpu", "unit", "integer"), float64(f.variants[p.variant].GPUs))
	})
	_, err := w.Write(k.text)
	return err
}

type kube struct {
	text
	fleets []*Fleet
}

func (k *kube) perPod(name string, add func(*Fleet, *Pod)) {
	k.family(name, "gauge")
	for _, f := range k.fleets {
		for _, p := range f.pods {
			add(f, p)
		}
	}
}

func (k *kube) deployments() {
	per := func(name string, value func(f *Fleet, variant int) int) {
		k.family(name, "gauge")
		for _, f := range k.fleets {
			for i, v := range f.variants {
				k.sample(name, pairs("namespace", f.cfg.Namespace, "deployment", v.Deployment), float64(value(f, i)))
			}
		}
	}
	per("kube_deployment_spec_replicas", (*Fleet).DesiredOf)
	per("kube_deployment_status_replicas", func(f *Fleet, i int) int {
		return f.CountOf(i, Starting) + f.CountOf(i, Ready)
	})
	per("kube_deployment_status_replicas_ready", func(f *Fleet, i int) int { return f.CountOf(i, Ready) })
}

func (k *kube) owners() {
	k.family("kube_replicaset_owner", "gauge")
	for _, f := range k.fleets {
		for _, v := range f.variants {
			k.sample("kube_replicaset_owner", pairs("namespace", f.cfg.Namespace, "replicaset", v.replicaSet(),
				"owner_kind", "Deployment", "owner_name", v.Deployment, "owner_is_controller", "true"), 1)
		}
	}
	k.perPod("kube_pod_owner", func(f *Fleet, p *Pod) {
		k.sample("kube_pod_owner", p.kube+","+pairs("owner_kind", "ReplicaSet",
			"owner_name", f.variants[p.variant].replicaSet(), "owner_is_controller", "true"), 1)
	})
}

func (k *kube) phase(f *Fleet, p *Pod) {
	now := "Running"
	if p.state == Starting && (!p.placed || f.now < p.placedAt+pendingShare*p.warmUp) {
		now = "Pending"
	}
	for _, phase := range [...]string{"Pending", "Succeeded", "Failed", "Unknown", "Running"} {
		k.sample("kube_pod_status_phase", p.kube+`,phase="`+phase+`"`, truth(phase == now))
	}
}

func (k *kube) ready(p *Pod) {
	k.sample("kube_pod_status_ready", p.kube+`,condition="true"`, truth(p.Serving()))
	k.sample("kube_pod_status_ready", p.kube+`,condition="false"`, truth(!p.Serving()))
	k.sample("kube_pod_status_ready", p.kube+`,condition="unknown"`, 0)
}

// node is the name of the pod's node, empty without one.
func (p *Pod) node() string {
	if !p.placed {
		return ""
	}
	return "gpu-" + p.uid[:8]
}

// unix is a moment in whole seconds since 1970, as the API server keeps moments.
func (f *Fleet) unix(s float64) float64 {
	return math.Floor(float64(f.cfg.Start.UnixMilli())/1000 + s)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
