package adapter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	authnv1 "k8s.io/api/authentication/v1"
	authzv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/forewarm/forewarm/internal/certs"
)

// hpaUser is who the HPA controller is.
const hpaUser = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"

// cluster is as much of a Kubernetes API server as the adapter asks of one: pods to
// list and watch, APIServices, and reviews of tokens and of access.
type cluster struct {
	server *httptest.Server
	ca     *certs.Authority

	mu       sync.Mutex
	pods     map[string]*corev1.Pod // by namespace/name
	version  int
	watchers map[chan metav1.WatchEvent]string // with their namespaces
	owners   map[string]string                 // APIService -> namespace/name
	requests map[string]int                    // by method and path
	tokens   map[string]string                 // bearer token -> user
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	ca, err := certs.NewAuthority("test", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{
		ca: ca, pods: map[string]*corev1.Pod{}, watchers: map[chan metav1.WatchEvent]string{},
		owners: map[string]string{}, requests: map[string]int{}, tokens: map[string]string{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/namespaces/kube-system/configmaps/", c.configMap)
	mux.HandleFunc("GET /api/v1/namespaces/kube-system/configmaps", c.configMaps)
	mux.HandleFunc("GET /api/v1/namespaces/{ns}/pods", c.listPods)
	mux.HandleFunc("GET /apis/apiregistration.k8s.io/v1/apiservices/{name}", c.apiService)
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", c.tokenReview)
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/subjectaccessreviews", c.accessReview)
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests[r.Method+" "+r.URL.Path]++
		c.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { c.server.CloseClientConnections(); c.server.Close() })
	return c
}

// kubeconfig is a file with which the cluster is found.
func (c *cluster) kubeconfig(t *testing.T) string {
	t.Helper()
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters["c"] = &clientcmdapi.Cluster{Server: c.server.URL}
	cfg.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: "forewarm"}
	cfg.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	cfg.CurrentContext = "x"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*cfg, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// asked is how often anything was asked of the cluster, but for reviews of who a
// caller is and what it may.
func (c *cluster) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for path, count := range c.requests {
		if !strings.HasPrefix(path, "POST") {
			n += count
		}
	}
	return n
}

func answer(w http.ResponseWriter, o any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o)
}

func (c *cluster) configMap(w http.ResponseWriter, _ *http.Request) { answer(w, c.authentication()) }

func (c *cluster) authentication() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{Kind: "ConfigMap", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "kube-system", Name: "extension-apiserver-authentication",
			ResourceVersion: "1",
		},
		Data: map[string]string{
			"client-ca-file": string(c.ca.Cert), "requestheader-client-ca-file": string(c.ca.Cert),
			"requestheader-allowed-names": `["front-proxy"]`, "requestheader-username-headers": `["X-Remote-User"]`,
			"requestheader-group-headers": `["X-Remote-Group"]`, "requestheader-extra-headers-prefix": `["X-Remote-Extra-"]`,
		},
	}
}

// begin writes what a watch begins with.
func begin(w http.ResponseWriter, r *http.Request, kind string, initial []any) (func(any), bool) {
	if r.URL.Query().Get("watch") == "" {
		return nil, false
	}
	w.Header().Set("Content-Type", "application/json")
	send := func(o any) { _ = json.NewEncoder(w).Encode(o); w.(http.Flusher).Flush() }
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		for _, o := range initial {
			send(map[string]any{"type": "ADDED", "object": o})
		}
		send(map[string]any{"type": "BOOKMARK", "object": map[string]any{
			"kind": kind, "apiVersion": "v1",
			"metadata": map[string]any{
				"resourceVersion": "1",
				"annotations":     map[string]string{"k8s.io/initial-events-end": "true"},
			},
		}})
	}
	w.(http.Flusher).Flush()
	return send, true
}

func (c *cluster) configMaps(w http.ResponseWriter, r *http.Request) {
	if _, ok := begin(w, r, "ConfigMap", []any{c.authentication()}); ok {
		<-r.Context().Done()
		return
	}
	answer(w, &corev1.ConfigMapList{
		TypeMeta: metav1.TypeMeta{Kind: "ConfigMapList", APIVersion: "v1"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"},
		Items: []corev1.ConfigMap{*c.authentication()},
	})
}

// closed is a namespace whose pods may not be read.
const closed = "closed"

// unreadable is an owner of an APIService that RBAC hides.
const unreadable = "unreadable"

func (c *cluster) listPods(w http.ResponseWriter, r *http.Request) {
	ns := r.PathValue("ns")
	if ns == closed {
		w.WriteHeader(http.StatusForbidden)
		answer(w, &apierrors.NewForbidden(podResource, "", errors.New("no RBAC policy matched")).ErrStatus)
		return
	}
	c.mu.Lock()
	var have []any
	list := &corev1.PodList{
		TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"},
		ListMeta: metav1.ListMeta{ResourceVersion: fmt.Sprint(c.version + 1)},
	}
	for _, p := range c.pods {
		if p.Namespace == ns {
			have, list.Items = append(have, p), append(list.Items, *p)
		}
	}
	events := make(chan metav1.WatchEvent, 10000)
	c.watchers[events] = ns
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.watchers, events)
		c.mu.Unlock()
	}()
	send, ok := begin(w, r, "Pod", have)
	if !ok {
		answer(w, list)
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case e := <-events:
			send(e)
		}
	}
}

// put adds or replaces a pod.
func (c *cluster) put(p *corev1.Pod) { c.tell("MODIFIED", p) }

// drop takes a pod away.
func (c *cluster) drop(p *corev1.Pod) { c.tell("DELETED", p) }

func (c *cluster) tell(event string, p *corev1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := p.Namespace + "/" + p.Name
	p = p.DeepCopy()
	p.Kind, p.APIVersion = "Pod", "v1"
	c.version++
	p.ResourceVersion = fmt.Sprint(c.version + 1)
	if event == "DELETED" {
		delete(c.pods, key)
	} else {
		if c.pods[key] == nil {
			event = "ADDED"
		}
		c.pods[key] = p
	}
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	for ch, ns := range c.watchers {
		if ns == p.Namespace {
			e := metav1.WatchEvent{Type: event}
			e.Object.Raw = raw
			ch <- e
		}
	}
}

func (c *cluster) apiService(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	who := c.owners[r.PathValue("name")]
	if who == unreadable {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	c.mu.Unlock()
	if who == "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		return
	}
	ns, name, _ := strings.Cut(who, "/")
	answer(w, map[string]any{
		"kind": "APIService", "apiVersion": "apiregistration.k8s.io/v1",
		"metadata": map[string]any{"name": r.PathValue("name")},
		"spec":     map[string]any{"service": map[string]any{"namespace": ns, "name": name}},
	})
}

func decode[T any](r *http.Request) *T {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	o, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		panic(err)
	}
	return o.(any).(*T)
}

func (c *cluster) tokenReview(w http.ResponseWriter, r *http.Request) {
	review := decode[authnv1.TokenReview](r)
	c.mu.Lock()
	user := c.tokens[review.Spec.Token]
	c.mu.Unlock()
	review.Kind, review.APIVersion = "TokenReview", "authentication.k8s.io/v1"
	review.Status = authnv1.TokenReviewStatus{Authenticated: user != "", User: authnv1.UserInfo{Username: user}}
	answer(w, review)
}

// accessReview lets the HPA controller read, and nobody else do anything.
func (c *cluster) accessReview(w http.ResponseWriter, r *http.Request) {
	review := decode[authzv1.SubjectAccessReview](r)
	review.Kind, review.APIVersion = "SubjectAccessReview", "authorization.k8s.io/v1"
	a := review.Spec.ResourceAttributes
	ok := review.Spec.User == hpaUser && (a == nil || a.Verb == "get" || a.Verb == "list")
	review.Status = authzv1.SubjectAccessReviewStatus{Allowed: ok}
	answer(w, review)
}
