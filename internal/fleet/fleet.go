package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"

	"github.com/forewarm/forewarm/policy"
)

// The codes of the faults of this package.
const (
	FaultForbidden   = "kubernetes-forbidden"
	FaultTarget      = "target-unseen"
	FaultUnreachable = "kubernetes-unreachable"
)

// Target is one scale target of a model.
type Target struct {
	Variant    string
	APIVersion string
	Kind       string
	Name       string
}

// Workload is a model with its targets, in the model's order of variants.
type Workload struct {
	Model   policy.ModelID
	Targets []Target
}

// Options are the fleet's limits. See DefaultOptions.
type Options struct {
	StarvedAfter time.Duration // unscheduled for longer = starved
	MaxAge       time.Duration // what was loaded longer ago is unknown
}

// DefaultOptions suit a 15 s tick.
func DefaultOptions() Options {
	return Options{StarvedAfter: 10 * time.Minute, MaxAge: 90 * time.Second}
}

// Fleet reads one cluster. For one goroutine, but for Supply, which is for any.
type Fleet struct {
	core   kubernetes.Interface
	scales scale.ScalesGetter
	mapper meta.RESTMapper
	opt    Options

	views *views // what is watched; nil = everything is asked for

	lives map[string]*life // by pod UID

	unmatched  bool      // the last Load met a kind that the mapper does not know
	discovered time.Time // when the mapper was last told to look again

	mu     sync.Mutex
	loaded map[policy.ModelID]state
}

// state is what a Load knows of one model.
type state struct {
	at       time.Time
	supply   []policy.Supply
	expected []string
	faults   []policy.Fault
}

// New connects to a cluster, of which each Load asks for what it needs. It sends nothing yet.
func New(cfg *rest.Config, opt Options) (*Fleet, error) {
	core, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("build Kubernetes client: %w", err)
	}
	cached := memory.NewMemCacheClient(core.Discovery())
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(cached)
	scales, err := scale.NewForConfig(cfg, mapper, dynamic.LegacyAPIPathResolverFunc, kinds(core.Discovery()))
	if err != nil {
		return nil, fmt.Errorf("build scale client: %w", err)
	}
	return newFleet(core, scales, mapper, opt), nil
}

// Watch is New for many Loads: pods and scale targets are watched from the first one on, until Close.
func Watch(cfg *rest.Config, opt Options) (*Fleet, error) {
	f, err := New(cfg, opt)
	if err != nil {
		return nil, err
	}
	own := rest.CopyConfig(cfg)
	own.Timeout = 0 // it would cut watches off
	objects, err := dynamic.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("build Kubernetes client: %w", err)
	}
	own.ContentType = runtime.ContentTypeProtobuf // a fraction of the work
	own.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	core, err := kubernetes.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("build Kubernetes client: %w", err)
	}
	f.views = newViews(core, objects, opt.MaxAge, realTime)
	return f, nil
}

// Close ends the watches.
func (f *Fleet) Close() {
	if f.views != nil {
		f.views.close()
	}
}

func kinds(d discovery.ServerResourcesInterface) scale.ScaleKindResolver {
	return scale.NewDiscoveryScaleKindResolver(d)
}

func newFleet(core kubernetes.Interface, scales scale.ScalesGetter, mapper meta.RESTMapper, opt Options) *Fleet {
	return &Fleet{
		core: core, scales: scales, mapper: mapper, opt: opt,
		lives: map[string]*life{}, loaded: map[policy.ModelID]state{},
	}
}

// Load reads the targets of all workloads. What fails for one is a Fault of that
// one; an error means that nothing could be read.
func (f *Fleet) Load(ctx context.Context, at time.Time, workloads []Workload) error {
	f.rediscover(at)
	if err := f.begin(ctx, workloads); err != nil {
		return err
	}
	loaded := make(map[policy.ModelID]state, len(workloads))
	good, tried := 0, 0
	var last error
	for _, w := range workloads {
		s := state{at: at, expected: []string{}}
		blind := false
		for _, t := range w.Targets {
			tried++
			supply, ready, err := f.target(ctx, at, w.Model.Namespace, t)
			if err != nil {
				last, blind = err, true
				f.unmatched = f.unmatched || meta.IsNoMatchError(err)
				s.faults = append(s.faults, f.faultOf(w.Model.Namespace, t, err))
			} else {
				good++
			}
			s.supply = append(s.supply, supply)
			s.expected = append(s.expected, ready...)
		}
		slices.Sort(s.expected)
		if blind {
			s.expected = nil // which pods should answer is known in part only
		}
		loaded[w.Model] = s
	}
	f.mu.Lock()
	f.loaded = loaded
	f.mu.Unlock()
	f.forget(at)
	if tried > 0 && good == 0 {
		return fmt.Errorf("read scale targets: %w", last)
	}
	return nil
}

// rediscoverAfter is how often at most the API's kinds are read again.
const rediscoverAfter = 30 * time.Second

// rediscover makes the mapper look for kinds that were defined after it did: it never looks again by itself.
func (f *Fleet) rediscover(at time.Time) {
	mapper, ok := f.mapper.(meta.ResettableRESTMapper)
	if ok && f.unmatched && at.Sub(f.discovered).Abs() >= rediscoverAfter {
		mapper.Reset()
		f.unmatched, f.discovered = false, at
	}
}

// Supply is what the last Load knows of a model at a moment: the variants'
// replicas, the pods that should be answering (nil = not known), and what is
// wrong. The last result is false if nothing is known then.
func (f *Fleet) Supply(id policy.ModelID, at time.Time) ([]policy.Supply, []string, []policy.Fault, bool) {
	f.mu.Lock()
	s, ok := f.loaded[id]
	f.mu.Unlock()
	age := at.Sub(s.at)
	if !ok || age < -f.opt.MaxAge || age > f.opt.MaxAge {
		return nil, nil, nil, false
	}
	out := slices.Clone(s.supply)
	for i := range out {
		out[i].Age += max(age, 0)
	}
	return out, s.expected, s.faults, true
}

// begin watches what the workloads have; nothing where everything is asked for.
func (f *Fleet) begin(ctx context.Context, workloads []Workload) error {
	if f.views == nil {
		return nil
	}
	wanted := map[place]bool{}
	for _, w := range workloads {
		for _, t := range w.Targets {
			wanted[place{podResource, w.Model.Namespace}] = true
			gvr, err := f.resource(t)
			if _, known := watchedTargets[gvr.GroupResource()]; known && err == nil {
				wanted[place{gvr, w.Model.Namespace}] = true
			}
		}
	}
	return f.views.follow(ctx, wanted)
}

// target reads one scale target and its pods.
func (f *Fleet) target(ctx context.Context, at time.Time, ns string, t Target) (policy.Supply, []string, error) {
	out := policy.Supply{Variant: t.Variant}
	s, seen, err := f.scalable(ctx, ns, t)
	if err != nil {
		return out, nil, err
	}
	pods, counted, err := f.pods(ctx, ns, s.selector)
	if err != nil {
		return out, nil, err
	}
	out.Known, out.Spec, out.Age = true, s.replicas, max(seen, counted)
	ready := f.count(&out, pods, at)
	return out, ready, nil
}

// faultOf names the remedy.
func (f *Fleet) faultOf(ns string, t Target, err error) policy.Fault {
	out := policy.Fault{Signal: "supply", Object: t.Name}
	switch {
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
		out.Code = FaultForbidden
		verbs := "list"
		if f.views != nil {
			verbs = "list and watch"
		}
		out.Text = fmt.Sprintf("%v; grant get on %s/scale and %s on pods in namespace %s", err, plural(t.Kind), verbs, ns)
	case apierrors.IsNotFound(err) || meta.IsNoMatchError(err):
		out.Code = FaultTarget
		out.Text = fmt.Sprintf("%v; check the variant's target", err)
	default:
		out.Code = FaultUnreachable
		out.Text = fmt.Sprintf("%v; replicas of %s are not known", err, t.Name)
	}
	return out
}

func plural(kind string) string { return strings.ToLower(kind) + "s" }
