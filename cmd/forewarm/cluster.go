package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/forewarm/forewarm/internal/app"
)

// cluster connects to the Kubernetes API if a kubeconfig was named, and looks
// there for a Prometheus if none was.
func (f *connectFlags) cluster(ctx context.Context, s *streams, o *options, when moments) error {
	named := f.kubeconfig != "" || f.kubectx != ""
	sourced := o.Prometheus != nil || (o.Config != nil && len(o.Config.Sources) > 0)
	if sourced && !named {
		return nil
	}
	connect := app.ConnectCluster
	if when == ofEachTick {
		connect = app.WatchCluster
	}
	c, err := connect(f.kubeconfig, f.kubectx)
	if err != nil {
		return f.unconnected(err)
	}
	switch {
	case when != ofPast:
		o.Cluster = c
	case !f.quiet:
		s.printf("Replicas of the past are read from Prometheus, not from the Kubernetes API.\n")
	}
	if sourced {
		return nil
	}
	return find(ctx, c, o)
}

// unconnected says what is wrong with the kubeconfig that was named; with none
// named, a Prometheus is what is missing.
func (f *connectFlags) unconnected(err error) error {
	switch {
	case f.kubeconfig == "" && f.kubectx == "":
		return &exitError{exitUsage, app.ErrNoSource}
	case errors.Is(err, app.ErrNoCluster) && f.kubeconfig != "":
		return fmt.Errorf("--kubeconfig %s: not a kubeconfig: it names no cluster", f.kubeconfig)
	}
	return err
}

// find takes the Prometheus of the cluster as the source. The cluster is asked
// first whether it answers, because then nothing is missing on the command line.
func find(ctx context.Context, c app.Cluster, o *options) error {
	if _, err := c.FindPrometheus(ctx); err != nil {
		return unanswered(err)
	}
	src, err := app.FindPrometheus(ctx, c)
	if err != nil {
		return noData(err)
	}
	o.Prometheus = &src
	return nil
}

// unanswered says why the cluster could not be searched, and how to go on. That
// is no mistake in the command line.
func unanswered(err error) error {
	what := "the Kubernetes API refused"
	var unreached *url.Error
	if errors.As(err, &unreached) {
		what = "the API server did not answer"
		if u, e := url.Parse(unreached.URL); e == nil {
			what = fmt.Sprintf("the API server %s://%s did not answer", u.Scheme, u.Host)
		}
		err = unreached.Err // the rest repeats the URL
	}
	return fmt.Errorf("look for a Prometheus in the cluster: %s: %w\n"+
		"Check --kubeconfig and --context, or name the Prometheus. With the Prometheus Operator it is usually\n"+
		"  kubectl --namespace monitoring port-forward service/prometheus-operated 9090:9090\n"+
		"and then --prometheus http://127.0.0.1:9090", what, err)
}
