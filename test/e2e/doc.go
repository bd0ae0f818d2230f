// Package e2e proves what is claimed of HPA and KEDA on HPA and KEDA: a real control plane, real autoscalers and
// a real Prometheus, with engines that a simulated load fills with life. Its files need the build tag e2e; see
// docs/testing.md.
package e2e
