package adapter

import (
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/forewarm/forewarm/internal/certs"
)

// issue makes a certificate for a user, or for a server of a name.
func (c *cluster) issue(t *testing.T, user, group, host string) certs.Pair {
	t.Helper()
	pair, err := c.ca.Issue(certs.Leaf{
		Name: user, Groups: []string{group}, DNS: []string{host}, IPs: []net.IP{net.ParseIP("127.0.0.1")}, Life: time.Hour,
		Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// as is how a user asks the adapter itself.
func (c *cluster) as(t *testing.T, addr, user, group string) *rest.Config {
	t.Helper()
	pair := c.issue(t, user, group, "client")
	return &rest.Config{Host: "https://" + addr, QPS: -1, TLSClientConfig: rest.TLSClientConfig{
		CertData: pair.Cert, KeyData: pair.Key, CAData: c.ca.Cert, ServerName: "forewarm.forewarm.svc",
	}}
}

// serverFiles are a certificate and its key as files.
func (c *cluster) serverFiles(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	c.renew(t, cert, key)
	return cert, key
}

// renew replaces the files by another certificate.
func (c *cluster) renew(t *testing.T, cert, key string) {
	t.Helper()
	pair := c.issue(t, "server", "", "forewarm.forewarm.svc")
	for file, b := range map[string][]byte{cert: pair.Cert, key: pair.Key} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
