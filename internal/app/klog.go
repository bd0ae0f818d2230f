package app

import (
	"log/slog"

	"k8s.io/klog/v2"
)

// QuietKubernetes keeps the Kubernetes client from writing to stderr on its own:
// what goes wrong there comes back as an error or a Fault. It is for the start of
// a program, before the first client.
func QuietKubernetes() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) }
