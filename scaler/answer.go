package scaler

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/forewarm/forewarm/policy"
)

// answer is what one snapshot says to one trigger at one moment. Value and activity
// come from the same Plan.
type answer struct {
	value  float64 // finite, at least 0
	active bool
	atZero bool // nothing is asked for in the cluster, and that is known
}

// reader answers from snapshots.
type reader struct {
	holdFor func() time.Duration
	maxAge  func() time.Duration
	missing func(id policy.ModelID) string
	claimed func(Claim) (policy.Target, string)
	near    func(name string, known []string) string
}

// answer answers for a trigger of a ScaledObject.
func (r reader) answer(s *policy.Snapshot, t Trigger, now time.Time) (answer, error) {
	out, view, err := r.state(s, t, now)
	if err == nil && t.Metric != Desired {
		out.value, err = signal{view, t, now, r.maxAge()}.value()
	}
	return out, err
}

// state is the answer with the replicas as its value. Activity needs no more: a raw
// signal that is missing must not keep a model asleep that the plan wakes.
func (r reader) state(s *policy.Snapshot, t Trigger, now time.Time) (answer, *policy.ModelView, error) {
	if s == nil {
		return answer{}, nil, status.Error(codes.Unavailable, "starting: there is no decision yet")
	}
	view, err := r.model(s, t)
	if err != nil {
		return answer{}, nil, err
	}
	d, others, err := r.variant(s, t, t.id())
	if err != nil {
		return answer{}, nil, err
	}
	out, err := r.activity(d, others, now)
	out.value = float64(d.Replicas)
	return out, view, err
}

// model finds the model, in the ScaledObject's own namespace only. What it returns is
// part of the snapshot, as in all that follows: copies would double the stack of each
// of thousands of streams.
func (r reader) model(s *policy.Snapshot, t Trigger) (*policy.ModelView, error) {
	id := t.id()
	i := sort.Search(len(s.Models), func(i int) bool { return s.Models[i].Model.ID.Compare(id) >= 0 })
	var view *policy.ModelView
	if i < len(s.Models) && s.Models[i].Model.ID == id {
		view = &s.Models[i]
	}
	switch {
	case t.Inline:
		return r.defined(view, t)
	case view != nil:
		return view, nil
	}
	if why := r.missing(id); why != "" {
		return nil, status.Errorf(codes.FailedPrecondition, "model %s: %s", id, why)
	}
	return nil, status.Errorf(codes.NotFound, "model %s is not known%s", id, r.neighbours(s, id))
}

// defined is the view if the plan decided it for the very object that the trigger's
// ScaledObject scales. That a model has the name says nothing: the configuration, or
// another ScaledObject, may have the name for a model of its own, and its count would
// be taken for ours.
func (r reader) defined(view *policy.ModelView, t Trigger) (*policy.ModelView, error) {
	target, why := r.claimed(t.claim())
	if why != "" {
		return nil, status.Errorf(codes.FailedPrecondition, "model %s: %s", t.id(), why)
	}
	if view != nil && target != (policy.Target{}) {
		for i := range view.Model.Variants {
			if v := &view.Model.Variants[i]; v.Name == t.Variant && v.Target == target {
				return view, nil
			}
		}
	}
	return nil, status.Errorf(codes.Unavailable,
		"model %s: its definition was not seen yet, or the next tick did not come yet", t.id())
}

// mostNamed bounds how many models an error lists.
const mostNamed = 10

// neighbours says which models the namespace has. Those of others are not told.
func (r reader) neighbours(s *policy.Snapshot, id policy.ModelID) string {
	var names []string
	for i := range s.Models {
		if have := s.Models[i].Model.ID; have.Namespace == id.Namespace {
			names = append(names, have.Name)
		}
	}
	if len(names) == 0 {
		return "; no model of this namespace is"
	}
	hint := ""
	if near := r.near(id.Name, names); near != "" {
		hint = ", did you mean " + near + "?"
	}
	more := ""
	if len(names) > mostNamed {
		more = fmt.Sprintf(" and %d more", len(names)-mostNamed)
		names = names[:mostNamed]
	}
	return fmt.Sprintf("%s; this namespace has %s%s", hint, strings.Join(names, ", "), more)
}

// variant finds the decision, and says whether other variants serve the model.
func (r reader) variant(s *policy.Snapshot, t Trigger, id policy.ModelID) (d *policy.Decision, others bool, err error) {
	all := s.Plan.Decisions
	i := sort.Search(len(all), func(i int) bool { return all[i].ID.Model.Compare(id) >= 0 })
	n := 0
	for ; i+n < len(all) && all[i+n].ID.Model == id; n++ {
		if v := &all[i+n]; v.ID.Variant == t.Variant || t.Variant == "" {
			d = v
		} else {
			others = others || v.Replicas > 0
		}
	}
	switch {
	case n == 0:
		return nil, false, status.Errorf(codes.Unavailable, "model %s has no decision yet", id)
	case t.Variant == "" && n > 1:
		return nil, false, status.Errorf(codes.InvalidArgument,
			"variant: model %s has several, name one: %s", id, variants(all[i:i+n]))
	case d == nil:
		return nil, false, status.Errorf(codes.NotFound,
			"variant %s of model %s is not known; it has %s", t.Variant, id, variants(all[i:i+n]))
	}
	return d, others, nil
}

func variants(ds []policy.Decision) string {
	var names []string
	for i := range ds {
		names = append(names, ds[i].ID.Variant)
	}
	return strings.Join(names, ", ")
}

// activity judges a decision. Inactive is what the policy proved, what is at zero
// and held there, and a variant whose model others serve: anything else would take
// the last replica away. An expired decision is still good for waking: from zero it
// can only raise, and it rests on requests seen or on idle.onBlind.
func (r reader) activity(d *policy.Decision, others bool, now time.Time) (answer, error) {
	a := answer{atZero: d.NowKnown && d.Now == 0}
	switch {
	case d.Wakes():
		a.active = true
		return a, nil
	case d.Replicas < 0:
		return a, status.Errorf(codes.Internal, "model %s: %d replicas are no answer", d.ID, d.Replicas)
	case d.Expired(now, r.holdFor()):
		return a, status.Errorf(codes.Unavailable, "%s: %s; see forewarm explain %s", d.ID, expiry(d, now), d.ID.Model)
	case d.Replicas > 0:
		a.active = true
	case d.Hold && !a.atZero:
		return a, status.Errorf(codes.Unavailable, "%s: held, and it is not known how many replicas there are", d.ID)
	default:
		a.active = d.Active && !a.atZero && !others
	}
	return a, nil
}

// expiry says since when there is no answer.
func expiry(d *policy.Decision, now time.Time) string {
	if !d.Known || d.Good.IsZero() {
		return "no data yet allowed a decision"
	}
	return fmt.Sprintf("no data allowed a decision for %s", now.Sub(d.Good).Round(time.Second))
}
