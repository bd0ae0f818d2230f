// Package fleet reads the Kubernetes API where kube-state-metrics does not tell:
// replicas and pods of scale targets, warm-ups, GPUs, how nodes were bought, and
// where a Prometheus is.
//
//	Load (get scale, list pods) -> Supply of a model (pure read)
//
// It uses the verbs get and list only. Every list is bounded. What may not be
// read becomes a Fault that names the missing permission; unknown is never zero.
package fleet
