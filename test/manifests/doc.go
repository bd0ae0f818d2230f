// Package manifests checks the Kubernetes manifests without a cluster, and writes the one that is generated. What
// needs an API server is in test/e2e.
package manifests

//go:generate bash generate
