package plane

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/forewarm/forewarm/internal/certs"
)

// life is how long the certificates of a control plane are valid.
const life = 24 * time.Hour

// pki writes keys and certificates into a directory.
type pki struct {
	dir string
	ca  *certs.Authority
}

func newPKI(dir string) (*pki, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory for keys: %w", err)
	}
	ca, err := certs.NewAuthority("e2e", time.Now(), life)
	if err != nil {
		return nil, err
	}
	p := &pki{dir: dir, ca: ca}
	return p, p.write("ca", ca.Pair)
}

func (p *pki) cert(name string) string { return filepath.Join(p.dir, name+".crt") }
func (p *pki) key(name string) string  { return filepath.Join(p.dir, name+".key") }

func (p *pki) write(name string, pair certs.Pair) error {
	for path, text := range map[string][]byte{p.cert(name): pair.Cert, p.key(name): pair.Key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return fmt.Errorf("write the certificate of %s: %w", name, err)
		}
	}
	return nil
}

// issue makes one certificate, for both ends of a connection, and returns it.
func (p *pki) issue(name string, l certs.Leaf) (certs.Pair, error) {
	l.Life, l.Usages = life, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	pair, err := p.ca.Issue(l, time.Now())
	if err != nil {
		return pair, err
	}
	return pair, p.write(name, pair)
}

// server issues a certificate for a server on loopback that is also known by other names.
func (p *pki) server(name string, dns ...string) error {
	_, err := p.issue(name, certs.Leaf{
		Name: name, DNS: append([]string{"localhost"}, dns...), IPs: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	return err
}

// client issues a certificate for a user and writes a kubeconfig with it.
func (p *pki) client(file, url, user string, groups ...string) (string, error) {
	pair, err := p.issue(file, certs.Leaf{Name: user, Groups: groups})
	if err != nil {
		return "", err
	}
	return p.kubeconfig(file, url, &clientcmdapi.AuthInfo{
		ClientCertificateData: pair.Cert, ClientKeyData: pair.Key,
	})
}

// kubeconfig writes a file by which a user reaches the API server.
func (p *pki) kubeconfig(file, url string, user *clientcmdapi.AuthInfo) (string, error) {
	path := filepath.Join(p.dir, file+".kubeconfig")
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters["e2e"] = &clientcmdapi.Cluster{Server: url, CertificateAuthorityData: p.ca.Cert}
	cfg.AuthInfos[file] = user
	cfg.Contexts["e2e"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: file}
	cfg.CurrentContext = "e2e"
	if err := clientcmd.WriteToFile(*cfg, path); err != nil {
		return "", fmt.Errorf("write the kubeconfig of %s: %w", file, err)
	}
	return path, nil
}
