// Package plane runs a real Kubernetes control plane without containers: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler and kwok, which plays the kubelets, as plain processes on loopback.
// Their binaries come from test/tools. It is a harness for tests and benchmarks and part of no product.
package plane
