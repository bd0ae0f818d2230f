package adapter

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Options are the adapter's settings. See DefaultOptions.
type Options struct {
	Kubeconfig string        // file; empty = in the cluster
	Listen     string        // address of HTTPS, for example :6443
	CertFile   string        // PEM, read again when it changes; empty = a certificate of our own, made anew at each start
	KeyFile    string        // PEM
	External   bool          // also serve external.metrics.k8s.io
	Service    string        // our own Service, namespace/name: whose APIService is ours
	QPS        float32       // of our requests to the API server
	Burst      int           //
	Names      Names         // the engines' own spellings
	RateWindow time.Duration // what rates and quantiles are over
	Warn       func(string)  // told what an operator should know; may be nil

	listener net.Listener // of a test, instead of Listen
}

// DefaultOptions suit a Deployment in the cluster. The library's 5 requests per
// second would throttle the reviews of tokens and of access.
func DefaultOptions() Options {
	return Options{
		Listen: ":6443", Service: "forewarm/forewarm",
		QPS: 100, Burst: 200, RateWindow: 2 * time.Minute,
	}
}

// Check returns everything that is wrong with the options.
func (o Options) Check() error {
	var errs []error
	want := func(ok bool, field, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: "+format, append([]any{field}, args...)...))
		}
	}
	_, _, err := o.address()
	want(err == nil, "listen", "want IP:port or :port, got %q", o.Listen)
	want((o.CertFile == "") == (o.KeyFile == ""), "certificate", "want both the certificate and its key, or neither")
	ns, name, ok := strings.Cut(o.Service, "/")
	want(ok && ns != "" && name != "" && !strings.Contains(name, "/"), "service", "want namespace/name, got %q", o.Service)
	want(o.QPS > 0, "client QPS", "want more than 0, got %g", o.QPS)
	want(o.Burst > 0, "client burst", "want more than 0, got %d", o.Burst)
	return errors.Join(errs...)
}

// address is where to listen.
func (o Options) address() (net.IP, int, error) {
	host, service, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, 0, err
	}
	ip := net.ParseIP(host)
	if host == "" {
		ip = net.IPv4zero
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || ip == nil || (port == 0 && o.listener == nil) {
		return nil, 0, fmt.Errorf("no address: %q", o.Listen)
	}
	return ip, int(port), nil
}

func (o Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

// View is what the adapter renders. All of it is memory.
type View struct {
	Snapshot func() *policy.Snapshot // nil before the first tick
	HoldFor  func() time.Duration    // a held decision may be served for so long
	MaxAge   func() time.Duration    // an older sample is no answer
	Now      func() time.Time
}
