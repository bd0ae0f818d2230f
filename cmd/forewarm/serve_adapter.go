package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/forewarm/forewarm/internal/app"
)

// adapterFlags are the flags of the metrics API server.
type adapterFlags struct {
	qps  float64
	opts app.AdapterOptions
}

// newAdapterFlags is on in a pod, and off elsewhere: there, another program may be
// what the cluster asks.
func newAdapterFlags(s *streams) *adapterFlags {
	f := &adapterFlags{opts: app.DefaultAdapterOptions()}
	f.opts.Warn = func(text string) { s.printf("forewarm: adapter: %s\n", clean(text)) }
	if ns := os.Getenv("POD_NAMESPACE"); ns != "" {
		f.opts.Service = ns + "/forewarm"
	}
	if !inPod() {
		f.opts.Listen = ""
	}
	return f
}

// inPod says whether we run in a cluster.
func inPod() bool { return os.Getenv("KUBERNETES_SERVICE_HOST") != "" }

func (f *adapterFlags) register(fl *pflag.FlagSet) {
	o := &f.opts
	fl.StringVar(&o.Listen, "adapter-listen", o.Listen, "`address` to serve custom.metrics.k8s.io on, for example\n"+
		":6443, the default in a pod; empty = none. Elsewhere it needs --kubeconfig")
	fl.BoolVar(&o.External, "adapter-external", false, "also serve external.metrics.k8s.io; refused if KEDA or another "+
		"does")
	fl.StringVar(&o.CertFile, "adapter-tls-cert", "", "certificate `file`, read again when it changes; without one\n"+
		"a certificate is made at each start, which only an APIService\nwith insecureSkipTLSVerify takes")
	fl.StringVar(&o.KeyFile, "adapter-tls-key", "", "key `file` of the certificate")
	fl.StringVar(&o.Service, "adapter-service", o.Service, "our Service as `namespace/name`: whose APIService is ours")
	fl.Float64Var(&f.qps, "adapter-client-qps", float64(o.QPS), "requests per second that may be made to the API server")
	fl.IntVar(&o.Burst, "adapter-client-burst", o.Burst, "and at once")
}

func (f *adapterFlags) check() []error {
	if f.opts.Listen == "" {
		return nil
	}
	f.opts.QPS = float32(f.qps)
	if err := f.opts.Check(); err != nil {
		return []error{fmt.Errorf("--adapter-*: %w", err)}
	}
	return nil
}

func (f *adapterFlags) output(c *connectFlags) (app.NewOutput, error) {
	o := f.opts
	o.Kubeconfig = c.kubeconfig
	switch {
	case o.Listen == "":
		return nil, nil //nolint:nilnil // off
	case c.kubectx != "":
		return nil, usage("--context: the metrics API server takes the current context of --kubeconfig: give a file with " +
			"that one")
	case o.Kubeconfig == "" && !inPod():
		return nil, usage("--adapter-listen: no cluster to serve metrics to: give --kubeconfig FILE")
	}
	return app.Adapter(o), nil
}
