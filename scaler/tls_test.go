package scaler

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"

	"github.com/forewarm/forewarm/internal/certs"
)

// authority signs certificates.
type authority struct{ *certs.Authority }

func newAuthority(t *testing.T) authority {
	t.Helper()
	a, err := certs.NewAuthority("ca", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return authority{a}
}

// sign is a certificate and its key for a DNS name.
func (a authority) sign(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	pair, err := a.Issue(certs.Leaf{
		DNS: []string{name}, Life: time.Hour,
		Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return pair.Cert, pair.Key
}

// trusting is a pool of authorities.
func trusting(t *testing.T, all ...authority) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	for _, a := range all {
		if !pool.AppendCertsFromPEM(a.Cert) {
			t.Fatal("an authority without a certificate")
		}
	}
	return pool
}

// client is how KEDA connects: caCert, tlsClientCert and tlsClientKey of a
// TriggerAuthentication. A nil pair is no client certificate.
func client(t *testing.T, ca authority, cert, key []byte) credentials.TransportCredentials {
	t.Helper()
	c := &tls.Config{RootCAs: trusting(t, ca), ServerName: "forewarm-scaler", MinVersion: tls.VersionTLS12}
	if cert != nil {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(c)
}

// files are the mounted Secret.
type files struct{ dir string }

func (f files) write(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (f files) tls(t *testing.T, server, callers authority, names ...string) *TLS {
	t.Helper()
	cert, key := server.sign(t, "forewarm-scaler")
	return &TLS{
		CertFile: f.write(t, "tls.crt", cert), KeyFile: f.write(t, "tls.key", key),
		ClientCAFile: f.write(t, "ca.crt", callers.Cert), ClientNames: names,
	}
}

// asks opens a new connection and polls.
func asks(t *testing.T, server *listening, creds credentials.TransportCredentials) codes.Code {
	t.Helper()
	conn := dial(t, creds, server)
	t.Cleanup(func() { _ = conn.Close() })
	_, _, err := keda{client: pb.NewExternalScalerClient(conn), ref: ref("model", "llama")}.poll(t.Context())
	return status.Code(err)
}

func TestOnlyKEDAMayCall(t *testing.T) {
	ca, callers, strangers := newAuthority(t), newAuthority(t), newAuthority(t)
	o := options(&board{s: snapshot(decided("llama", 1, 1))}, func() time.Time { return noon })
	o.TLS = files{t.TempDir()}.tls(t, ca, callers, "keda-operator.keda.svc")
	server := serve(t, o)
	pair := func(a authority, name string) credentials.TransportCredentials {
		cert, key := a.sign(t, name)
		return client(t, ca, cert, key)
	}
	for name, tc := range map[string]struct {
		creds credentials.TransportCredentials
		want  codes.Code
	}{
		"KEDA":                     {pair(callers, "keda-operator.keda.svc"), codes.OK},
		"the same CA, other name":  {pair(callers, "keda-metrics-apiserver.keda.svc"), codes.Unavailable},
		"the name, but another CA": {pair(strangers, "keda-operator.keda.svc"), codes.Unavailable},
		"no certificate":           {client(t, ca, nil, nil), codes.Unavailable},
		"in the clear":             {nil, codes.Unavailable},
	} {
		if got := asks(t, server, tc.creds); got != tc.want {
			t.Errorf("%s: want %s, got %s", name, tc.want, got)
		}
	}
}

func TestCertificatesAreRotatedWithoutARestart(t *testing.T) {
	var clock atomic.Int64
	old, next, callers := newAuthority(t), newAuthority(t), newAuthority(t)
	f := files{t.TempDir()}
	o := options(&board{s: snapshot(decided("llama", 1, 1))},
		func() time.Time { return noon.Add(time.Duration(clock.Add(int64(time.Second)))) })
	o.HoldFor, o.TLS = func() time.Duration { return 24 * time.Hour }, f.tls(t, old, callers)
	server := serve(t, o)
	cert, key := callers.sign(t, "keda")
	held := keda{
		client: pb.NewExternalScalerClient(dial(t, client(t, old, cert, key), server)),
		ref:    ref("model", "llama"),
	}
	poll := func(when string, ca authority, want codes.Code) {
		t.Helper()
		if got := asks(t, server, client(t, ca, cert, key)); got != want {
			t.Errorf("%s: want %s, got %s", when, want, got)
		}
		if _, _, err := held.poll(t.Context()); err != nil {
			t.Errorf("%s: an open connection is lost: %v", when, err)
		}
	}
	poll("at first", old, codes.OK)
	newCert, newKey := next.sign(t, "forewarm-scaler")
	f.write(t, "tls.crt", newCert) // the key does not fit yet
	poll("half written", old, codes.OK)
	f.write(t, "tls.key", newKey)
	poll("rotated", next, codes.OK)
	poll("and the old one is gone", old, codes.Unavailable)
	f.write(t, "tls.crt", []byte("no certificate"))
	poll("broken", next, codes.OK)
	if err := os.Remove(filepath.Join(f.dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	poll("gone", next, codes.OK)
	f.write(t, "tls.crt", newCert)
	f.write(t, "tls.key", newKey)
	f.write(t, "ca.crt", next.Cert)
	poll2 := asks(t, server, client(t, next, cert, key))
	if poll2 != codes.Unavailable {
		t.Errorf("another CA of callers: want Unavailable, got %s", poll2)
	}
}

func TestBadFilesAreRefusedAtStart(t *testing.T) {
	ca := newAuthority(t)
	f := files{t.TempDir()}
	good := f.tls(t, ca, ca)
	_, other := ca.sign(t, "x")
	for name, tc := range map[string]TLS{
		"no file":        {CertFile: filepath.Join(f.dir, "none"), KeyFile: good.KeyFile},
		"key of another": {CertFile: good.CertFile, KeyFile: f.write(t, "other.key", other)},
		"an empty CA":    {CertFile: good.CertFile, KeyFile: good.KeyFile, ClientCAFile: f.write(t, "empty", nil)},
	} {
		o := options(&board{}, time.Now)
		o.TLS = &tc
		if _, err := New(o); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}
