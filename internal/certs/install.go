package certs

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// Install says where the certificates of an installation go.
type Install struct {
	Namespace     string   // of Forewarm
	Service       string   // the metrics API; its certificate is what the API aggregator verifies
	ScalerService string   // what KEDA dials; headless
	KEDANamespace string   // where KEDA looks for Secrets of a ClusterTriggerAuthentication; empty without KEDA
	Hosts         []string // further names of the servers
	External      bool     // Forewarm serves external.metrics.k8s.io as well
	Life          time.Duration
}

// Names of the Secrets.
const (
	ServingSecret = "forewarm-tls"
	ClientSecret  = "forewarm-keda-client"
)

// Serving is the certificate of both servers.
func (i Install) Serving(a *Authority, now time.Time) (Pair, error) {
	names := slices.Clone(i.Hosts)
	for _, s := range []string{i.Service, i.ScalerService} {
		host := s + "." + i.Namespace
		names = append(names, s, host, host+".svc", host+".svc.cluster.local")
	}
	return a.Issue(Leaf{
		Name: i.Service + "." + i.Namespace + ".svc", DNS: names, Life: i.Life,
		Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, now)
}

// Client is the certificate by which KEDA proves that it is KEDA.
func (i Install) Client(a *Authority, now time.Time) (Pair, error) {
	return a.Issue(Leaf{
		Name: "keda", Life: i.Life, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, now)
}

// Object is a Kubernetes object.
type Object map[string]any

// Objects are what to apply: the Secrets, and the APIServices with the authority in them. KEDA's Secret is among them
// where there is a KEDA: without one its namespace is not there either, and the whole could not be applied.
func (i Install) Objects(a *Authority, serving, client Pair) []Object {
	out := []Object{secret(ServingSecret, i.Namespace, a, serving)}
	if i.KEDANamespace != "" {
		out = append(out, secret(ClientSecret, i.KEDANamespace, a, client))
	}
	out = append(out,
		i.apiService("custom.metrics.k8s.io", "v1beta1", 100, a),
		i.apiService("custom.metrics.k8s.io", "v1beta2", 200, a))
	if i.External {
		out = append(out, i.apiService("external.metrics.k8s.io", "v1beta1", 100, a))
	}
	return out
}

// secret has the keys of type kubernetes.io/tls, and the authority.
func secret(name, namespace string, a *Authority, p Pair) Object {
	return Object{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
		"metadata": Object{"name": name, "namespace": namespace, "labels": labels()},
		"data":     Object{"ca.crt": encode(a.Cert), "tls.crt": encode(p.Cert), "tls.key": encode(p.Key)},
	}
}

// apiService says that certificates are verified, though that is the default: one that is taken over from another server
// may say otherwise, and is refused with both that and an authority.
func (i Install) apiService(group, version string, priority int, a *Authority) Object {
	return Object{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
		"metadata": Object{"name": fmt.Sprintf("%s.%s", version, group), "labels": labels()},
		"spec": Object{
			"group": group, "version": version,
			"groupPriorityMinimum": 100, "versionPriority": priority,
			"service":  Object{"name": i.Service, "namespace": i.Namespace},
			"caBundle": encode(a.Cert), "insecureSkipTLSVerify": false,
		},
	}
}

func labels() Object { return Object{"app.kubernetes.io/name": "forewarm"} }

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
