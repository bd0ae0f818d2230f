// Package fleet reads the Kubernetes API where kube-state-metrics does not tell:
// replicas and pods of scale targets, warm-ups, GPUs, how nodes were bought, and
// where a Prometheus is.
//
//	Load (pods and scale targets, asked for or watched) -> Supply of a model (pure read)
//
// Who loads once asks, with bounded lists; who loads at every tick watches, and
// keeps of each object the little that is used. What has not been read, or what no
// watch has proven current for longer than a bound, is unknown.
//
// It uses the verbs get, list and watch only. What may not be read becomes a Fault
// that names the missing permission; unknown is never zero.
package fleet
