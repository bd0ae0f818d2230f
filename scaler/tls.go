package scaler

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc/credentials"
)

// TLS names the files of a serving certificate, and of who may call. Changed files
// take effect with the next handshake; a pair that does not fit together yet is
// refused, and the old one stays.
type TLS struct {
	CertFile, KeyFile string
	ClientCAFile      string   // callers must have a certificate of these; empty = anybody may call
	ClientNames       []string // and one of these names (DNS name or common name); empty = any
}

// recheckAfter bounds how often handshakes make us read files.
const recheckAfter = time.Second

// keyring is the present state of the files.
type keyring struct {
	files TLS
	srv   *Server

	mu      sync.Mutex
	checked time.Time
	seen    [][]byte // content last judged
	current *tls.Config
}

// credentials reads the files, which must be good at start.
func (t TLS) credentials(s *Server) (credentials.TransportCredentials, error) {
	k := &keyring{files: t, srv: s}
	if err := k.reload(); err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true, // a ticket would outlive the CA that it was given under
		GetConfigForClient:     func(*tls.ClientHelloInfo) (*tls.Config, error) { return k.config(), nil },
	}), nil
}

// config is the newest good configuration.
func (k *keyring) config() *tls.Config {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.srv.opts.Now(); now.Sub(k.checked).Abs() >= recheckAfter {
		k.checked = now
		if err := k.reload(); err != nil {
			k.srv.metrics.reloads.WithLabelValues("refused").Inc()
			k.srv.opts.Log.Warn("the TLS files cannot be used; the ones before stay in use", zap.Error(err))
		}
	}
	return k.current
}

// reload judges the files if their content changed.
func (k *keyring) reload() error {
	var content [][]byte
	for _, name := range []string{k.files.CertFile, k.files.KeyFile, k.files.ClientCAFile} {
		if name == "" {
			content = append(content, nil)
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read TLS files: %w", err)
		}
		content = append(content, b)
	}
	if slices.EqualFunc(content, k.seen, bytes.Equal) {
		return nil
	}
	k.seen = content
	next, err := k.files.config(content[0], content[1], content[2])
	if err != nil {
		return err
	}
	k.current = next
	k.srv.metrics.reloads.WithLabelValues("ok").Inc()
	k.srv.metrics.expiry.Set(float64(next.Certificates[0].Leaf.NotAfter.Unix()))
	return nil
}

func (t TLS) config(cert, key, ca []byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("use %s with %s: %w", t.CertFile, t.KeyFile, err)
	}
	out := &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"},
		SessionTicketsDisabled: true,
	}
	if t.ClientCAFile == "" {
		return out, nil
	}
	out.ClientCAs, out.ClientAuth, out.VerifyConnection = x509.NewCertPool(), tls.RequireAndVerifyClientCert, t.named
	if !out.ClientCAs.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("use %s: no certificate in it", t.ClientCAFile)
	}
	return out, nil
}

// named says whether a caller, whose certificate was verified, has a wanted name.
func (t TLS) named(c tls.ConnectionState) error {
	if len(t.ClientNames) == 0 {
		return nil
	}
	leaf := c.PeerCertificates[0]
	for _, have := range append(slices.Clone(leaf.DNSNames), leaf.Subject.CommonName) {
		if slices.Contains(t.ClientNames, have) {
			return nil
		}
	}
	return errors.New("the client certificate has none of the wanted names")
}
