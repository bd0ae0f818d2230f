package main

import (
	"context"

	"github.com/forewarm/forewarm/internal/app"
)

// cluster connects to the Kubernetes API if a kubeconfig was named, and looks
// there for a Prometheus if none was.
func (f *connectFlags) cluster(ctx context.Context, s *streams, o *options, live bool) error {
	named := f.kubeconfig != "" || f.kubectx != ""
	sourced := o.Prometheus != nil || (o.Config != nil && len(o.Config.Sources) > 0)
	if sourced && !named {
		return nil
	}
	c, err := app.ConnectCluster(f.kubeconfig, f.kubectx)
	if err != nil {
		if !named {
			return &exitError{exitUsage, app.ErrNoSource}
		}
		return err
	}
	switch {
	case live:
		o.Cluster = c
	case !f.quiet:
		s.printf("Replicas of the past are read from Prometheus, not from the Kubernetes API.\n")
	}
	if sourced {
		return nil
	}
	src, err := app.FindPrometheus(ctx, c)
	if err != nil {
		return noData(err)
	}
	o.Prometheus = &src
	return nil
}
