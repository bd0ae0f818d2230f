// Package adapter serves decisions and signals as the Kubernetes custom metrics
// API (v1beta1 and v1beta2) and, where asked to, the external metrics API.
//
// It renders one policy.Snapshot joined with the pods that are there, and decides
// nothing. A request costs no I/O: pods are watched, and everything else is behind
// an atomic pointer. An answer is either true now or missing: a pod that is not
// ready, is being deleted, or was sampled too long ago or before it was ready is
// left out, and an object's metric is an error, because an HPA holds on an error
// and never looks at a timestamp.
package adapter
