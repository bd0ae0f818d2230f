package certs

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

var (
	now     = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	install = Install{
		Namespace: "forewarm", Service: "forewarm", ScalerService: "forewarm-scaler",
		KEDANamespace: "keda", Life: 24 * time.Hour,
	}
)

func authority(t *testing.T, life time.Duration) *Authority {
	t.Helper()
	a, err := NewAuthority("forewarm", now, life)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// verify says whether a client that trusts the authority accepts the pair for a host and a use at a moment.
func verify(t *testing.T, a *Authority, p Pair, host string, use x509.ExtKeyUsage, at time.Time) error {
	t.Helper()
	both, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.Cert) {
		t.Fatal("the authority is not PEM")
	}
	_, err = both.Leaf.Verify(x509.VerifyOptions{
		DNSName: host, Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{use},
	})
	return err
}

func TestCertificatesAreAccepted(t *testing.T) {
	a := authority(t, 48*time.Hour)
	serving, err := install.Serving(a, now)
	if err != nil {
		t.Fatal(err)
	}
	client, err := install.Client(a, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		pair Pair
		host string
		use  x509.ExtKeyUsage
		at   time.Time
		want string // part of the refusal; empty: accepted
	}{
		"the aggregator verifies service.namespace.svc": {serving, "forewarm.forewarm.svc", x509.ExtKeyUsageServerAuth, now, ""},
		"KEDA dials the scaler by its full name": {
			serving, "forewarm-scaler.forewarm.svc.cluster.local", x509.ExtKeyUsageServerAuth, now, "",
		},
		"a clock five minutes behind":         {serving, "forewarm", x509.ExtKeyUsageServerAuth, now.Add(-backdate), ""},
		"KEDA proves that it is KEDA":         {client, "", x509.ExtKeyUsageClientAuth, now, ""},
		"a server is no client":               {serving, "", x509.ExtKeyUsageClientAuth, now, "incompatible key usage"},
		"a client is no server":               {client, "", x509.ExtKeyUsageServerAuth, now, "incompatible key usage"},
		"another service":                     {serving, "kubernetes.default.svc", x509.ExtKeyUsageServerAuth, now, "valid for"},
		"after its life":                      {serving, "forewarm", x509.ExtKeyUsageServerAuth, now.Add(25 * time.Hour), "expired"},
		"the authority itself serves nothing": {a.Pair, "forewarm", x509.ExtKeyUsageServerAuth, now, "use SANs instead"},
		"another authority of the same name":  {mustIssue(t, authority(t, time.Hour)), "forewarm", x509.ExtKeyUsageServerAuth, now, "unknown authority"},
		"long before it was issued":           {serving, "forewarm", x509.ExtKeyUsageServerAuth, now.Add(-time.Hour), "not yet valid"},
	} {
		t.Run(name, func(t *testing.T) {
			err := verify(t, a, tc.pair, tc.host, tc.use, tc.at)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("want %q, got %v", tc.want, err)
			}
		})
	}
}

func mustIssue(t *testing.T, a *Authority) Pair {
	t.Helper()
	p, err := install.Serving(a, now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLeavesEndWithTheirAuthority(t *testing.T) {
	a := authority(t, time.Hour)
	p := mustIssue(t, a)
	both, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	if !both.Leaf.NotAfter.Equal(a.Expires()) {
		t.Errorf("want the leaf to end at %s, got %s", a.Expires(), both.Leaf.NotAfter)
	}
	if _, err := install.Serving(a, now.Add(2*time.Hour)); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("want an expired authority to sign nothing, got %v", err)
	}
}

func TestAuthorityIsReadBack(t *testing.T) {
	a := authority(t, time.Hour)
	b, err := ParseAuthority(a.Pair)
	if err != nil {
		t.Fatal(err)
	}
	p := mustIssue(t, b)
	if err := verify(t, a, p, "forewarm", x509.ExtKeyUsageServerAuth, now); err != nil {
		t.Error(err)
	}
	if _, err := ParseAuthority(p); err == nil {
		t.Error("want a leaf refused as authority")
	}
	if _, err := ParseAuthority(Pair{Cert: a.Cert, Key: p.Key}); err == nil {
		t.Error("want another's key refused")
	}
}
