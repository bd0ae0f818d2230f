package plane

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// ReadyWithin is how long one server may take to answer.
const ReadyWithin = 2 * time.Minute

// Plane is a running control plane.
type Plane struct {
	*Processes
	Config    *rest.Config // of the administrator, without client-side limits
	Client    kubernetes.Interface
	APIServer *Process
	URL       string

	dir   string
	pki   *pki
	ports map[string]int
	admin string // kubeconfig
}

// Options say what to run and where.
type Options struct {
	Dir      string   // keys, data and logs; nothing is removed
	Nodes    bool     // run controller manager, scheduler and kwok as well, not the API server alone
	Features []string // further arguments of kube-apiserver
}

// Start runs a control plane and waits until it answers. What was started before an error must be stopped
// all the same: the Plane is never nil.
func Start(ctx context.Context, o Options) (*Plane, error) {
	p := &Plane{Processes: NewProcesses(o.Dir), dir: o.Dir, ports: map[string]int{}}
	for _, step := range []func(context.Context, Options) error{p.prepare, p.startStore, p.startAPI, p.startNodes} {
		if err := step(ctx, o); err != nil {
			return p, err
		}
	}
	return p, nil
}

// prepare chooses ports and makes keys.
func (p *Plane) prepare(_ context.Context, _ Options) error {
	names := []string{"etcd", "etcd-peer", "api", "controllers", "scheduler", "kwok"}
	ports, err := FreePorts(len(names))
	if err != nil {
		return err
	}
	for i, n := range names {
		p.ports[n] = ports[i]
	}
	p.URL = fmt.Sprintf("https://127.0.0.1:%d", p.ports["api"])
	if p.pki, err = newPKI(filepath.Join(p.dir, "pki")); err != nil {
		return err
	}
	if err := p.pki.server("api", "kubernetes", "kubernetes.default", "kubernetes.default.svc"); err != nil {
		return err
	}
	for _, name := range []string{"service-accounts", "front-proxy-client"} {
		if err := p.pki.server(name); err != nil {
			return err
		}
	}
	if p.admin, err = p.pki.client("admin", p.URL, "e2e-admin", "system:masters"); err != nil {
		return err
	}
	if p.Config, err = clientcmd.BuildConfigFromFlags("", p.admin); err != nil {
		return fmt.Errorf("read the kubeconfig of the administrator: %w", err)
	}
	p.Config.QPS = -1
	p.Client, err = kubernetes.NewForConfig(p.Config)
	return err
}

func (p *Plane) startStore(ctx context.Context, _ Options) error {
	etcd, err := Tool(ctx, "etcd")
	if err != nil {
		return err
	}
	client, peer := p.http("etcd"), p.http("etcd-peer")
	proc, err := p.Start(Command{Name: "etcd", Path: etcd, Args: []string{
		"--name=e2e", "--unsafe-no-fsync", "--log-level=warn", "--data-dir=" + filepath.Join(p.dir, "etcd"),
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=e2e=" + peer,
	}})
	if err != nil {
		return err
	}
	return proc.WaitFor(ctx, ReadyWithin, func(ctx context.Context) error { return answers(ctx, client+"/readyz") })
}

func (p *Plane) startAPI(ctx context.Context, o Options) error {
	bin, err := Tool(ctx, "kubernetes")
	if err != nil {
		return err
	}
	ca := p.pki.cert("ca")
	p.APIServer, err = p.Start(Command{
		Name: "kube-apiserver", Path: filepath.Join(bin, "kube-apiserver"),
		Args: append([]string{
			"--etcd-servers=" + p.http("etcd"), "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
			fmt.Sprintf("--secure-port=%d", p.ports["api"]), "--endpoint-reconciler-type=none",
			"--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC",
			"--tls-cert-file=" + p.pki.cert("api"), "--tls-private-key-file=" + p.pki.key("api"),
			"--client-ca-file=" + ca, "--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + p.pki.cert("service-accounts"),
			"--service-account-signing-key-file=" + p.pki.key("service-accounts"),
			"--requestheader-client-ca-file=" + ca, "--requestheader-allowed-names=front-proxy-client",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
			"--requestheader-username-headers=X-Remote-User",
			"--proxy-client-cert-file=" + p.pki.cert("front-proxy-client"),
			"--proxy-client-key-file=" + p.pki.key("front-proxy-client"), "--enable-aggregator-routing=false",
		}, o.Features...),
	})
	if err != nil {
		return err
	}
	return p.WaitAPI(ctx)
}

// WaitAPI waits until the API server is ready, for the first time or again.
func (p *Plane) WaitAPI(ctx context.Context) error {
	return p.APIServer.WaitFor(ctx, ReadyWithin, func(ctx context.Context) error {
		return p.Client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

func (p *Plane) http(name string) string { return fmt.Sprintf("http://127.0.0.1:%d", p.ports[name]) }

// Kubeconfig is a file by which a process acts as the administrator.
func (p *Plane) Kubeconfig() string { return p.admin }

// CACert is the file of the authority that clients of the API server trust.
func (p *Plane) CACert() string { return p.pki.cert("ca") }

// ServerCert issues a certificate for a server on loopback, valid as a client's too, and returns its files.
func (p *Plane) ServerCert(name string, dns ...string) (cert, key string, err error) {
	return p.pki.cert(name), p.pki.key(name), p.pki.server(name, dns...)
}

// TokenKubeconfig writes a kubeconfig for a bearer token, a ServiceAccount's.
func (p *Plane) TokenKubeconfig(name, token string) (string, error) {
	return p.pki.kubeconfig(name, p.URL, &clientcmdapi.AuthInfo{Token: token})
}

// answers asks a URL for 200.
func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: %s", url, resp.Status)
	}
	return nil
}

// Logs are the files with the output of every process.
func (p *Plane) Logs() string { return strings.TrimSuffix(p.dir, string(os.PathSeparator)) }
