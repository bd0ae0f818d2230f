//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// rotation is a Forewarm of the story's own, with certificates of its own. The aggregator reaches it by the older version
// of custom.metrics.k8s.io, which no HPA asks for; KEDA by a TriggerAuthentication of the namespace.
type rotation struct {
	*story // which has its own
	pki    string
	config *configFile
	model  *model
	keda   bool
}

// Certificates are renewed by the same authority, then by another one. Each time clients verify the whole chain: ours, the
// API server with the caBundle that was applied, KEDA with the Secret; and KEDA proves who it is with the new key.
func TestCertificatesAreReplaced(t *testing.T) {
	r := rotate(t)
	first := r.authority()
	r.answers(2)
	r.serves(first, nil)
	if _, err := r.leaf(r.own.adapter, r.file(r.CACert())); err == nil {
		t.Fatal("want a certificate that another authority signed refused, or the checks here show nothing")
	}

	old := r.leaves(first)
	r.issue()
	r.serves(first, old)
	r.answers(3)

	old = r.leaves(first)
	client, err := tls.LoadX509KeyPair(filepath.Join(r.pki, "client.crt"), filepath.Join(r.pki, "client.key"))
	r.check(err)
	r.check(errors.Join(os.Remove(filepath.Join(r.pki, "ca.crt")), os.Remove(filepath.Join(r.pki, "ca.key"))))
	r.issue()
	second := r.authority()
	r.serves(second, old)
	for _, port := range []int{r.own.adapter, r.own.scaler} {
		if _, err := r.leaf(port, first); err == nil {
			t.Error("want the old authority to stand for nothing any more")
		}
	}
	// Connections outlive certificates. These do not outlive the process, so all clients shake hands again.
	r.check(r.own.Kill())
	r.check(r.own.Start())
	r.check(r.own.ready(t.Context()))
	r.answers(4)
	r.refuses(client, second)
	if course := specs(r.of(r.ns, "llama")); r.keda && !slices.Equal(course, []int{1, 2, 3, 4}) {
		t.Errorf("want replicas to go up as configured and never down, got %v", course)
	}
}

// rotate starts it all.
func rotate(t *testing.T) *rotation {
	t.Helper()
	s := tell(t, "certs")
	r := &rotation{story: s, pki: filepath.Join(s.dir, "certs-pki"), keda: s.withKEDA()}
	r.model = s.serve("llama", options{variants: exactlyThere(2)})
	var err error
	r.config, err = newConfigFile(filepath.Join(s.dir, "certs.yaml"), map[string]string{"default": s.prom.url})
	s.check(err)
	r.configure(2)
	_, err = issue(t.Context(), r.pki, 0) // to start with
	s.check(err)
	s.startOwn("forewarm-certs", r.config.path, r.pki)
	r.borrow()
	r.issue()
	if !r.keda {
		return r
	}
	for _, o := range s.installed {
		if o.GetKind() == "ClusterTriggerAuthentication" {
			o = o.DeepCopy()
			o.SetKind("TriggerAuthentication")
			s.check(s.cluster.apply(t.Context(), s.ns, false, o))
		}
	}
	s.scaledObject("llama", scaled{low: 1, high: 5, cooldown: 5, triggers: fmt.Sprintf(`
  - type: external
    metadata: {scalerAddress: 'localhost:%d', model: llama}
    authenticationRef: {name: forewarm}`, r.own.scaler)})
	return r
}

const (
	apiServiceKind = "APIService.v1.apiregistration.k8s.io"
	olderAPI       = "v1beta1.custom.metrics.k8s.io"
)

// borrow gives the older version of the API back at the end.
func (r *rotation) borrow() {
	o, err := r.get(r.Context(), "", apiServiceKind, olderAPI)
	r.check(err)
	spec, err := json.Marshal(o.Object["spec"])
	r.check(err)
	r.Cleanup(func() {
		if err := r.patch(context.Background(), "", apiServiceKind, olderAPI, `{"spec":`+string(spec)+`}`); err != nil {
			r.Error(err)
		}
	})
}

// issue makes certificates and applies what is printed, to where this Forewarm is.
func (r *rotation) issue() {
	r.Helper()
	all, err := issue(r.Context(), r.pki, r.own.adapter)
	r.check(err)
	for _, o := range all {
		switch {
		case o.GetName() == olderAPI:
		case o.GetNamespace() == "keda" && r.keda:
			o.SetNamespace(r.ns)
		default:
			continue
		}
		r.check(r.cluster.as("forewarm-certs").apply(r.Context(), "", false, o))
	}
}

// configure asks for a number of replicas.
func (r *rotation) configure(n int) {
	r.Helper()
	r.model.options.variants = exactlyThere(n)
	r.check(r.config.change(func() { r.config.models[r.ns+"/llama"] = r.model.document() }))
}

// answers asks for replicas that nobody has been told of, and waits until both clients have them from this Forewarm.
func (r *rotation) answers(n int) {
	r.Helper()
	r.configure(n)
	r.eventually(2*time.Minute, fmt.Sprintf("the API server verifies the chain, and has the answer %d", n), func(ctx context.Context) error {
		items, err := r.customAt(ctx, "v1beta1", "/deployments.apps/llama/forewarm_desired_replicas")
		if err == nil && items["llama"] != float64(n) {
			err = fmt.Errorf("it has %v", items)
		}
		return errors.Join(err, r.available(olderAPI)(ctx))
	})
	if !r.keda {
		return
	}
	what, ok := exact(n)
	r.spec(2*time.Minute, "llama", what, ok)
	r.scaledObjectIs("llama", "Ready")
	r.hpaCondition(time.Minute, "keda-hpa-llama", "ScalingActive", "True", "ValidMetricFound")
}

// serves waits until both servers show other leaves than old ones, which an authority stands for.
func (r *rotation) serves(authority []byte, old []*x509.Certificate) {
	r.Helper()
	for i, port := range []int{r.own.adapter, r.own.scaler} {
		r.eventually(2*time.Minute, "the certificate is served, and verified", func(context.Context) error {
			leaf, err := r.leaf(port, authority)
			if err == nil && old != nil && leaf.Equal(old[i]) {
				err = errors.New("it still is the old one")
			}
			return err
		})
	}
}

// leaves are the certificates of both servers.
func (r *rotation) leaves(authority []byte) []*x509.Certificate {
	r.Helper()
	var out []*x509.Certificate
	for _, port := range []int{r.own.adapter, r.own.scaler} {
		leaf, err := r.leaf(port, authority)
		r.check(err)
		out = append(out, leaf)
	}
	return out
}

// leaf is the certificate of a server, by a handshake that verifies it as the API server and KEDA do.
func (r *rotation) leaf(port int, authority []byte) (*x509.Certificate, error) {
	conn, err := r.dial(port, authority)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// dial shakes hands, with a client's certificate if there is one.
func (r *rotation) dial(port int, authority []byte, client ...tls.Certificate) (*tls.Conn, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("the authority is not PEM")
	}
	cfg := &tls.Config{RootCAs: roots, ServerName: "forewarm.forewarm.svc", Certificates: client, NextProtos: []string{"h2"}}
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(r.Context(), "tcp", loopback(port))
	if err != nil {
		return nil, err
	}
	return conn.(*tls.Conn), nil
}

// refuses checks that KEDA's old certificate does not open the scaler: the server says so after the handshake.
func (r *rotation) refuses(client tls.Certificate, authority []byte) {
	r.Helper()
	conn, err := r.dial(r.own.scaler, authority, client)
	r.check(err)
	defer func() { _ = conn.Close() }()
	r.check(conn.SetReadDeadline(time.Now().Add(30 * time.Second)))
	_, err = conn.Read(make([]byte, 1))
	if refused, ok := errors.AsType[*net.OpError](err); !ok || !strings.Contains(refused.Error(), "certificate") {
		r.Errorf("want a client of the old authority refused, got %v", err)
	}
}

func (r *rotation) authority() []byte {
	r.Helper()
	return r.file(filepath.Join(r.pki, "ca.crt"))
}

func (r *rotation) file(path string) []byte {
	r.Helper()
	text, err := os.ReadFile(path)
	r.check(err)
	return text
}
