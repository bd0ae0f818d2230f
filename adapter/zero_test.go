package adapter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/forewarm/forewarm/policy"
)

// TestAtZeroPods is what lets an HPA sleep and wake.
func TestAtZeroPods(t *testing.T) {
	asleep := func(gateway bool, queue policy.Reading) policy.ModelView {
		v := model("", "llama", "vllm", nil, "main")
		v.Model.Gateway, v.Input.Signals.GatewayQueue = gateway, queue
		v.Input.Signals.Arrivals = policy.Reading{}
		return v
	}
	unheard := asleep(true, policy.Seen(2, 0))
	unheard.Input.Supply[0].Known = false
	tell(t, map[string]told{
		"the decision":                 {asleep(true, policy.Seen(0, 0)), Desired, "0"},
		"a queue in front":             {asleep(true, policy.Seen(12, 0)), "inference_pending_requests", "12"},
		"an empty queue":               {asleep(true, policy.Seen(0, 0)), "inference_pending_requests", "0"},
		"a gateway that fell silent":   {asleep(true, policy.Reading{}), "inference_pending_requests", "queue is unknown"},
		"nothing that could tell":      {asleep(false, policy.Reading{}), "inference_pending_requests", "no gateway tells"},
		"nothing runs":                 {asleep(true, policy.Seen(0, 0)), "inference_running_requests", "0"},
		"no cache is there to be used": {asleep(true, policy.Seen(0, 0)), "inference_kv_utilization", "no replica is ready"},
		"not known whether it is zero": {unheard, "inference_pending_requests", "not known that none should"},
		"arrivals that nobody counts":  {asleep(true, policy.Seen(0, 0)), "requests_per_second", "unknown"},
	})
}

// told is a model of the Deployment main, and what its objects answer.
type told struct {
	view   policy.ModelView
	metric string
	want   string // value; else part of the error
}

// tell asks of the Deployment and of a Service.
func tell(t *testing.T, stories map[string]told) {
	t.Helper()
	places := placed(stories)
	var views []policy.ModelView
	for name, tc := range stories {
		tc.view.Model.ID.Namespace, tc.view.Input.Model.Namespace = places[name], places[name]
		views = append(views, tc.view)
	}
	s := snapshot(views...)
	for i := range s.Plan.Decisions {
		s.Plan.Decisions[i].Replicas = 0
	}
	w := start(t, newCluster(t), s, nil)
	custom, _ := w.hpa()
	for name, tc := range stories {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []schema.GroupKind{deployment, service} {
				got, err := custom.NamespacedMetrics(places[name]).GetForObject(kind, "main", tc.metric, labels.Everything())
				text := fmt.Sprint(err)
				if err == nil {
					text = got.Value.String()
				}
				if text != tc.want && (err == nil || !strings.Contains(text, tc.want)) {
					t.Errorf("%s: want %q, got %q", kind, tc.want, text)
				}
			}
		})
	}
}

// TestSumsAreWholeOrNothing: a part of a queue looks like a short one.
func TestSumsAreWholeOrNothing(t *testing.T) {
	view := func(change func(*policy.ModelView)) policy.ModelView {
		v := model("", "llama", "vllm", []policy.Pod{reports("a", "main", 2, 7), reports("b", "main", 5, 9)}, "main")
		change(&v)
		return v
	}
	gateway := func(queue policy.Reading, faults ...policy.Fault) policy.ModelView {
		return view(func(v *policy.ModelView) {
			v.Model.Gateway, v.Input.Signals.GatewayQueue, v.Input.Faults = true, queue, faults
		})
	}
	stories := map[string]told{}
	for name, tc := range map[string]told{
		"whole":                  {view(func(*policy.ModelView) {}), "", "7"},
		"a pod is silent":        {view(func(v *policy.ModelView) { v.Input.Signals.Pods[1].Pending.Known = false }), "", "pod b is unknown"},
		"a pod is late":          {view(func(v *policy.ModelView) { v.Input.Signals.Pods[1].Pending.Age = 3 * time.Minute }), "", "more than 1m30s"},
		"a ready pod is missing": {view(func(v *policy.ModelView) { v.Input.Supply[0].Ready = 3 }), "", "2 of 3 ready replicas"},
		"a part is missing somewhere": {
			view(func(v *policy.ModelView) { v.Input.Signals.Partial = true }), "", "part of the data is missing",
		},
		"replicas are not known": {view(func(v *policy.ModelView) { v.Input.Supply[0].Known = false }), "", "7"},

		"a gateway holds some more":     {gateway(policy.Seen(4, 0)), "", "11"},
		"a gateway that has no queue":   {gateway(policy.Reading{}), "", "7"},
		"a gateway whose queue is lost": {gateway(policy.Reading{}, policy.Fault{Code: "series-stale", Signal: "queue"}), "", "queue is unknown"},
		"a gateway that is not scraped": {gateway(policy.Reading{}, policy.Fault{Code: "gateway-absent"}), "", "queue is unknown"},
	} {
		tc.metric = "inference_pending_requests"
		stories[name] = tc
	}
	stories["a lower bound of arrivals"] = told{
		view(func(v *policy.ModelView) { v.Input.Signals.Partial = true }), "requests_per_second", "part of the data is missing",
	}
	tell(t, stories)
}

// TestAHeldDecisionIsServedForAWhile, and then it is an error, on which HPAs hold.
func TestAHeldDecisionIsServedForAWhile(t *testing.T) {
	c, v := twoPods(t)
	s := snapshot(v)
	s.Plan.Decisions[0].Hold = true
	w := start(t, c, s, nil)
	custom, _ := w.hpa()
	ask := func() (string, time.Time, error) {
		got, err := custom.NamespacedMetrics("llm").GetForObject(deployment, "main", Desired, labels.Everything())
		if err != nil {
			return "", time.Time{}, err
		}
		return got.Value.String(), got.Timestamp.Time, nil
	}
	good := s.Plan.Decisions[0].Good
	w.at(good.Add(10 * time.Minute))
	if got, at, err := ask(); err != nil || got != "3" || !at.Equal(good) {
		t.Errorf("want the held 3 with the moment that it rests on, got %s of %s, %v", got, at, err)
	}
	w.at(good.Add(10*time.Minute + time.Second))
	if _, _, err := ask(); err == nil || !strings.Contains(err.Error(), "10m1s ago") {
		t.Errorf("want an error once the hold is over, got %v", err)
	}
	never := snapshot(v)
	never.Plan.Decisions[0].Known = false
	w.snapshot.Store(never)
	if _, _, err := ask(); err == nil || !strings.Contains(err.Error(), "nothing was ever known") {
		t.Errorf("want an error without a decision, got %v", err)
	}
	w.snapshot.Store(nil)
	if _, _, err := ask(); err == nil || !strings.Contains(err.Error(), "no decision yet") {
		t.Errorf("want an error before the first tick, got %v", err)
	}
}

// TestADecisionThatWakesIsServedWhateverItsAge: blind since the start, seen at zero, and idle.onBlind asks for one.
func TestADecisionThatWakesIsServedWhateverItsAge(t *testing.T) {
	for name, tc := range map[string]struct {
		decided policy.Decision
		want    string
	}{
		"seen at zero":     {policy.Decision{Known: true, Replicas: 1, NowKnown: true}, "1"},
		"not seen at all":  {policy.Decision{Known: true, Replicas: 1}, "nothing was ever known"},
		"running already":  {policy.Decision{Known: true, Replicas: 1, NowKnown: true, Now: 2}, "nothing was ever known"},
		"zero for nothing": {policy.Decision{Known: true, NowKnown: true}, "nothing was ever known"},
	} {
		t.Run(name, func(t *testing.T) {
			v := model("llm", "llama", "vllm", nil, "main")
			s := snapshot(v)
			tc.decided.ID = s.Plan.Decisions[0].ID
			s.Plan.Decisions[0] = tc.decided
			x := newIndex(s)
			j := judge{now: noon, maxAge: 90 * time.Second, holdFor: 10 * time.Minute}
			got, err := j.desired(x.spaces["llm"].whole()[0])
			if text := fmt.Sprint(err); err != nil && !strings.Contains(text, tc.want) {
				t.Errorf("want %q, got %v", tc.want, err)
			}
			if err == nil && (fmt.Sprint(got.v) != tc.want || !got.at.Equal(noon)) {
				t.Errorf("want %s of now, got %g of %s", tc.want, got.v, got.at)
			}
		})
	}
}

// TestPodsAreKnownBeforeAReplicaIsReady, as soon as there is a decision that serves some.
func TestPodsAreKnownBeforeAReplicaIsReady(t *testing.T) {
	var wanted []string
	known := false
	s := newPodSet(nil, func() ([]string, bool) { return wanted, known }, nil)
	if !s.synced() {
		t.Error("want it ready without a decision: an API without a server holds up the deletion of namespaces")
	}
	wanted, known = []string{"llm"}, true
	if s.synced() {
		t.Error("want it not ready while the pods of llm are not listed")
	}
	s.spaces["llm"] = &podSpace{}
	s.spaces["llm"].list.Store(&[]*pod{})
	if !s.synced() {
		t.Error("want it ready with the pods listed")
	}
	if wanted = []string{"llm", "new"}; !s.synced() {
		t.Error("want it to stay so when a namespace joins")
	}
}
