// Package integration runs the built forewarm binary against a real Prometheus
// server that scrapes fake inference engines over HTTP on loopback. Everything
// is here as in a cluster except the cluster: scrapes that fail, staleness
// marks, labels as a PodMonitor gives them, real seconds. See docs/testing.md.
package integration
