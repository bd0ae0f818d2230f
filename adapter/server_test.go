package adapter

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"

	"github.com/forewarm/forewarm/policy"
)

// TestWhoMayAsk: the cluster says who somebody is and what it may.
func TestWhoMayAsk(t *testing.T) {
	c, v := twoPods(t)
	c.tokens["hpa-token"], c.tokens["other-token"] = hpaUser, "system:serviceaccount:shop:web"
	w := start(t, c, snapshot(v), nil)
	bearer := func(token string) *rest.Config {
		return &rest.Config{Host: "https://" + w.addr, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{
			CAData: c.ca.Cert, ServerName: "forewarm.forewarm.svc",
		}}
	}
	// The aggregator says whom it asks for, with a certificate of its own.
	proxied := func(user string) *rest.Config {
		cfg := c.as(t, w.addr, "front-proxy", "")
		cfg.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				r.Header.Set("X-Remote-User", user)
				return next.RoundTrip(r)
			})
		}
		return cfg
	}
	for name, tc := range map[string]struct {
		cfg *rest.Config
		is  func(error) bool
	}{
		"the HPA controller by certificate":         {c.as(t, w.addr, hpaUser, ""), nil},
		"the HPA controller by token":               {bearer("hpa-token"), nil},
		"the HPA controller through the aggregator": {proxied(hpaUser), nil},
		"an administrator":                          {c.as(t, w.addr, "admin", "system:masters"), nil},
		"somebody else by token":                    {bearer("other-token"), apierrors.IsForbidden},
		"somebody else through the aggregator":      {proxied("web"), apierrors.IsForbidden},
		"a token of nobody":                         {bearer("none"), apierrors.IsUnauthorized},
		"anonymous":                                 {bearer(""), apierrors.IsForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := rest.HTTPClientFor(tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			api := "https://" + w.addr + "/apis/custom.metrics.k8s.io/v1beta2"
			r, err := client.Get(api + "/namespaces/llm/deployments.apps/main/" + Desired)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			err = nil
			if r.StatusCode != http.StatusOK {
				err = &apierrors.StatusError{ErrStatus: apierrors.NewGenericServerResponse(
					r.StatusCode, "get", podResource, "x", "", 0, false).ErrStatus}
			}
			if tc.is == nil && err != nil || tc.is != nil && !tc.is(err) {
				t.Errorf("got %d", r.StatusCode)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestCertificatesAreReadAgain, because cert-manager renews them in place.
func TestCertificatesAreReadAgain(t *testing.T) {
	c, v := twoPods(t)
	var cert, key string
	w := start(t, c, snapshot(v), func(o *Options) { cert, key = o.CertFile, o.KeyFile })
	served := func() []byte {
		conn, err := tls.Dial("tcp", w.addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // only what it shows counts
		if err != nil {
			return nil
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].Raw
	}
	file := func() []byte {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Certificate[0]
	}
	first := file()
	if !bytes.Equal(served(), first) {
		t.Fatal("want the certificate of the file")
	}
	c.renew(t, cert, key)
	w.until("the new certificate", func() bool { return !bytes.Equal(served(), first) && bytes.Equal(served(), file()) })
}

func TestWithoutFilesACertificateIsMade(t *testing.T) {
	c, v := twoPods(t)
	w := prepare(t, c, snapshot(v), func(o *Options) { o.CertFile, o.KeyFile = "", "" })
	if w.server.api.SecureServingInfo.Cert == nil {
		t.Error("want a certificate of its own")
	}
}

// TestHealthNeedsNoPrometheus: without a snapshot it is ready, and answers errors.
func TestHealthNeedsNoPrometheus(t *testing.T) {
	w := start(t, newCluster(t), nil, nil)
	client, err := rest.HTTPClientFor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{
		CAData: w.cluster.ca.Cert, ServerName: "forewarm.forewarm.svc",
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/healthz", "/livez", "/readyz"} {
		w.until(path, func() bool {
			r, err := client.Get("https://" + w.addr + path)
			if err != nil {
				return false
			}
			defer r.Body.Close()
			return r.StatusCode == http.StatusOK
		})
	}
	custom, _ := w.hpa()
	_, err = custom.NamespacedMetrics("llm").GetForObjects(podKind, labels.Everything(), "inference_pending_requests",
		labels.Everything())
	if !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), "no decision yet") {
		t.Errorf("want an error that says why, got %v", err)
	}
}

// TestANamespaceThatMayNotBeReadIsItsOwnTrouble: the others are served, at start and
// when it is added later; readiness stays, and an operator is told once.
func TestANamespaceThatMayNotBeReadIsItsOwnTrouble(t *testing.T) {
	shut := model(closed, "secret", "vllm", []policy.Pod{reports("secret-1", "main", 1, 1)}, "main")
	for name, later := range map[string]bool{"from the start": false, "added later": true} {
		t.Run(name, func(t *testing.T) {
			c, v := twoPods(t)
			first := snapshot(v, shut)
			if later {
				first = snapshot(v)
			}
			w := start(t, c, first, nil)
			w.snapshot.Store(snapshot(v, shut))
			w.until("told", func() bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				return strings.Contains(fmt.Sprint(w.warns), closed)
			})
			if err := w.server.Ready(); err != nil {
				t.Errorf("want it ready, got %v", err)
			}
			custom, _ := w.hpa()
			ask := func(ns string) error {
				_, err := custom.NamespacedMetrics(ns).GetForObjects(
					podKind, labels.Everything(), "inference_pending_requests", labels.Everything())
				return err
			}
			if err := ask("llm"); err != nil {
				t.Errorf("want the others served, got %v", err)
			}
			if err := ask(closed); !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), "granted") {
				t.Errorf("want an error that names the remedy, got %v", err)
			}
			_, err := custom.NamespacedMetrics(closed).GetForObject(deployment, "main", Desired, labels.Everything())
			if err != nil {
				t.Errorf("want decisions served all the same, got %v", err)
			}
		})
	}
}

// TestOpenAPIKnowsTheAPIs, so that kubectl explain and clients do.
func TestOpenAPIKnowsTheAPIs(t *testing.T) {
	c, v := twoPods(t)
	w := start(t, c, snapshot(v), func(o *Options) { o.External = true })
	client, err := rest.HTTPClientFor(c.as(t, w.addr, "admin", "system:masters"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/openapi/v2", "/openapi/v3/apis/custom.metrics.k8s.io/v1beta2", "/openapi/v3/apis/custom.metrics.k8s.io/v1beta1",
		"/openapi/v3/apis/external.metrics.k8s.io/v1beta1",
	} {
		r, err := client.Get("https://" + w.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(body), "metrics.k8s.io") {
			t.Errorf("%s: got %d, %.100s", path, r.StatusCode, body)
		}
	}
}

// TestARequestInFlightIsAnswered while the server ends.
func TestARequestInFlightIsAnswered(t *testing.T) {
	c, v := twoPods(t)
	w := start(t, c, snapshot(v), nil)
	custom, _ := w.hpa()
	ask := func() error {
		_, err := custom.NamespacedMetrics("llm").GetForObject(deployment, "main", Desired, labels.Everything())
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	reached, release := make(chan struct{}), make(chan struct{})
	held := sync.OnceFunc(func() { close(reached) })
	w.release = release
	w.hold.Store(&held)
	answered := make(chan error, 1)
	go func() { answered <- ask() }()
	<-reached
	ended := make(chan error, 1)
	go func() { ended <- w.stop() }()
	w.until("no new connections", func() bool { return w.server.Ready() != nil || refused(w.addr) })
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("want the request answered, got %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func refused(addr string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	d := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // nothing is sent
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return true
	}
	_ = conn.Close()
	return false
}

// TestReplicasAnswerAlike, to the byte.
func TestReplicasAnswerAlike(t *testing.T) {
	c, v := twoPods(t)
	s := snapshot(v)
	body := func() string {
		w := start(t, c, s, nil)
		client, err := rest.HTTPClientFor(c.as(t, w.addr, hpaUser, ""))
		if err != nil {
			t.Fatal(err)
		}
		var out string
		for _, path := range []string{
			"pods/*/inference_kv_utilization?labelSelector=app%3Dvllm",
			"deployments.apps/main/" + Desired, "services/x/vllm:num_requests_waiting",
		} {
			r, err := client.Get("https://" + w.addr + "/apis/custom.metrics.k8s.io/v1beta2/namespaces/llm/" + path)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(r.Body)
			_ = r.Body.Close()
			out += fmt.Sprintln(r.StatusCode, string(b))
		}
		return out
	}
	if a, b := body(), body(); a != b || strings.Count(a, "200 ") != 3 {
		t.Errorf("one says\n%s\nthe other\n%s", a, b)
	}
}

func TestOptionsAreCheckedAllAtOnce(t *testing.T) {
	err := Options{Listen: "here:70000", CertFile: "x", Service: "forewarm"}.Check()
	for _, want := range []string{"listen", "certificate", "namespace/name", "QPS", "burst"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	if err := DefaultOptions().Check(); err != nil {
		t.Error(err)
	}
}
