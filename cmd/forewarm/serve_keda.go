package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/forewarm/forewarm/internal/app"
)

// kedaFlags are those of the external scaler.
type kedaFlags struct {
	listen      string
	cert, key   string
	clientCA    string
	clientNames []string
	insecure    bool
	inline      bool
	reflection  bool
	log         *zap.Logger
}

func (f *kedaFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.listen, "keda-listen", "", "`address` of the KEDA external scaler (gRPC), such as :9443; empty = none")
	fl.StringVar(&f.cert, "keda-tls-cert", "", "`file` with its serving certificate; read again when it changes")
	fl.StringVar(&f.key, "keda-tls-key", "", "`file` with the key")
	fl.StringVar(&f.clientCA, "keda-client-ca", "", "`file` with the CA that callers need a certificate of")
	fl.StringSliceVar(&f.clientNames, "keda-client-name", nil, "DNS or common `name` that callers' certificates need; "+
		"any of several")
	fl.BoolVar(&f.insecure, "keda-insecure", false, "serve in the clear: whoever reaches the port may ask")
	fl.BoolVar(&f.inline, "keda-inline", true, "let ScaledObjects define models in their metadata")
	fl.BoolVar(&f.reflection, "keda-reflection", false, "gRPC reflection, for grpcurl")
}

func (f *kedaFlags) check() []error {
	secured := f.cert != "" || f.key != "" || f.clientCA != ""
	if f.listen == "" {
		if secured || len(f.clientNames) > 0 || f.insecure {
			return []error{errors.New("--keda-*: want --keda-listen with them")}
		}
		return nil
	}
	var errs []error
	if len(f.clientNames) > 0 && f.clientCA == "" {
		errs = append(errs, errors.New("--keda-client-name: want --keda-client-ca with it"))
	}
	return append(errs, f.checkTLS(secured)...)
}

func (f *kedaFlags) checkTLS(secured bool) []error {
	switch {
	case (f.cert == "") != (f.key == ""):
		return []error{errors.New("--keda-tls-cert, --keda-tls-key: want both")}
	case secured == f.insecure:
		return []error{errors.New("--keda-listen: want either --keda-tls-cert and --keda-tls-key, or --keda-insecure")}
	case secured && f.cert == "":
		return []error{errors.New("--keda-client-ca: want --keda-tls-cert and --keda-tls-key with it")}
	}
	return nil
}

func (f *kedaFlags) output(*connectFlags) (app.NewOutput, error) {
	if f.listen == "" {
		return nil, nil //nolint:nilnil // off
	}
	o := app.KEDAOptions{Address: f.listen, Reflection: f.reflection, NoInline: !f.inline, Log: f.log}
	if !f.insecure {
		o.TLS = &app.KEDATLS{CertFile: f.cert, KeyFile: f.key, ClientCAFile: f.clientCA, ClientNames: f.clientNames}
	}
	return app.NewKEDA(o), nil
}

// watch reads KEDA's ScaledObjects, and the replicas of what they scale, from the
// cluster. Without one, only models that are configured or found are served.
func (f *kedaFlags) watch(ctx context.Context, c *connectFlags, o *app.Options) (stop func(), err error) {
	f.log, stop = o.Log, func() {}
	if f.listen == "" {
		return stop, nil
	}
	scaled, stopWatch, err := app.WatchScaledObjects(ctx, c.kubeconfig, c.kubectx, c.namespaces)
	if errors.Is(err, app.ErrNoCluster) && c.kubeconfig == "" {
		o.Log.Warn("not in a cluster and no --kubeconfig: ScaledObjects are not watched, and only models that are " +
			"configured or found are served to KEDA")
		return stop, nil
	}
	if err != nil {
		return stop, err
	}
	o.Scaled, o.NoInline = scaled, !f.inline
	if o.Cluster == nil {
		if o.Cluster, err = app.WatchCluster(c.kubeconfig, c.kubectx); err != nil {
			stopWatch()
			return stop, err
		}
	}
	return stopWatch, nil
}
