//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// The labels by which a pod says that it is an engine, and whose.
const (
	labelModel   = "e2e.forewarm.dev/model"   // key of the world
	labelVariant = "e2e.forewarm.dev/variant" // index of the deployment in it
)

// engines lets every ready pod with labelModel answer scrapes on a port of loopback of its own, and tells
// Prometheus by HTTP service discovery where, with the labels that a PodMonitor gives.
type engines struct {
	mu      sync.Mutex
	worlds  map[string]*world
	servers map[string]*endpoint // pods by namespace/name, gateways by namespace/
	sd      *endpoint
}

// endpoint is one HTTP server, with the labels of its target.
type endpoint struct {
	addr   string
	srv    *http.Server
	labels map[string]string
}

func serve(h http.HandlerFunc, labels map[string]string) (*endpoint, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &endpoint{addr: l.Addr().String(), srv: &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}, labels: labels}
	go func() { _ = e.srv.Serve(l) }() // until Close
	return e, nil
}

func startEngines(ctx context.Context, client kubernetes.Interface) (*engines, error) {
	e := &engines{worlds: map[string]*world{}, servers: map[string]*endpoint{}}
	var err error
	if e.sd, err = serve(e.discovery, nil); err != nil {
		return nil, err
	}
	f := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = labelModel }))
	pods := f.Core().V1().Pods().Informer()
	if _, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { e.changed(o.(*corev1.Pod)) },
		UpdateFunc: func(_, o any) { e.changed(o.(*corev1.Pod)) },
		DeleteFunc: func(o any) {
			if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = gone.Obj
			}
			if p, ok := o.(*corev1.Pod); ok {
				e.gone(p)
			}
		},
	}); err != nil {
		return nil, err
	}
	f.Start(ctx.Done())
	f.WaitForCacheSync(ctx.Done())
	return e, nil
}

// add registers a world under a key, with its gateway.
func (e *engines) add(key string, w *world, ns string) error {
	gateway, err := serve(func(rw http.ResponseWriter, _ *http.Request) {
		plain(rw)
		_, _ = rw.Write(w.exposeGateway()) // the scraper may have gone
	}, map[string]string{"namespace": ns, "pod": "gateway-" + key, "job": ns + "/gateway", "container": "epp"})
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.worlds[key], e.servers[ns+"/gateway-"+key] = w, gateway
	return nil
}

func plain(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
}

func isReady(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// changed opens a pod that became ready, and closes one that no longer is.
func (e *engines) changed(p *corev1.Pod) {
	if !isReady(p) || p.DeletionTimestamp != nil {
		e.gone(p)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	name, key := p.Namespace+"/"+p.Name, p.Labels[labelModel]
	w := e.worlds[key]
	if w == nil || e.servers[name] != nil {
		return
	}
	variant, _ := strconv.Atoi(p.Labels[labelVariant]) // absent: the first
	w.adopt(variant, name)
	s, err := serve(func(rw http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		if err := w.exposePod(&b, name); err != nil {
			http.Error(rw, err.Error(), http.StatusServiceUnavailable)
			return
		}
		plain(rw)
		_, _ = rw.Write(b.Bytes()) // the scraper may have gone
	}, map[string]string{
		"namespace": p.Namespace, "pod": p.Name, "container": p.Spec.Containers[0].Name,
		"endpoint": "http", "job": p.Namespace + "/engines", "node": p.Spec.NodeName,
	})
	if err != nil {
		w.dismiss(name, true)
		return
	}
	e.servers[name] = s
}

// gone ends a pod. Evicted ones lose their requests, others finish them.
func (e *engines) gone(p *corev1.Pod) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := p.Namespace + "/" + p.Name
	s := e.servers[name]
	if s == nil {
		return
	}
	delete(e.servers, name)
	_ = s.srv.Close() // nobody is owed an answer
	evicted := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue
	})
	e.worlds[p.Labels[labelModel]].dismiss(name, evicted)
}

// discovery answers Prometheus, for namespaces whose name starts with ?namespace=.
func (e *engines) discovery(w http.ResponseWriter, r *http.Request) {
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	out := []group{}
	e.mu.Lock()
	for _, s := range e.servers {
		if strings.HasPrefix(s.labels["namespace"], r.URL.Query().Get("namespace")) {
			out = append(out, group{[]string{s.addr}, s.labels})
		}
	}
	e.mu.Unlock()
	slices.SortFunc(out, func(a, b group) int { return strings.Compare(a.Targets[0], b.Targets[0]) })
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // Prometheus may have gone
}

func (e *engines) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.servers {
		_ = s.srv.Close()
	}
	_ = e.sd.srv.Close()
}

// gateway is the address of a world's gateway.
func (e *engines) gateway(ns, key string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.servers[ns+"/gateway-"+key].addr
}
