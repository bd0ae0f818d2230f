package signals

import (
	"fmt"
	"sort"
	"strings"

	"github.com/forewarm/forewarm/policy"
)

// The codes of faults that evaluation finds. They are stable: alerts, dashboards
// and lint rules use them. FaultDocs explains each.
const (
	FaultEngineUnknown   = "engine-unknown"
	FaultGatewayUnknown  = "gateway-unknown"
	FaultScopeMissing    = "scope-missing"
	FaultGatewayUnscoped = "gateway-unscoped"
	FaultGatewayAbsent   = "gateway-absent"
	FaultSeriesAbsent    = "series-absent"
	FaultSeriesStale     = "series-stale"
	FaultSeriesInvalid   = "series-invalid"
	FaultRatioAboveOne   = "ratio-above-one"
	FaultSampleInFuture  = "sample-in-future"
	FaultPodMissing      = "pod-missing"
	FaultTargetDown      = "target-down"
	FaultHistoryShort    = "history-short"
	FaultArrivalsPartial = "arrivals-partial"
	FaultArrivalsUnseen  = "arrivals-unseen"
)

// FaultDoc is one row of the table of faults.
type FaultDoc struct {
	Code    string
	Meaning string
	Remedy  string
}

// FaultDocs are the faults of evaluation, sorted by code.
func FaultDocs() []FaultDoc {
	return []FaultDoc{
		{
			FaultArrivalsPartial, "arrivals miss a part, so they may raise the fleet but not lower it",
			"see the other faults for what is missing",
		},
		{
			FaultArrivalsUnseen, "nothing tells how many requests arrive",
			"bind a gateway preset, or an engine that counts requests",
		},
		{FaultEngineUnknown, "the engine has no preset", "correct the engine's name"},
		{
			FaultGatewayAbsent, "no target exports series of the gateway",
			"scrape the gateway, and check gateway.preset and gateway.match",
		},
		{FaultGatewayUnknown, "the gateway has no preset", "correct gateway.preset"},
		{
			FaultGatewayUnscoped, "nothing says which of the gateway's series belong to the model",
			"set gateway.match, or modelName where the preset has a model label",
		},
		{
			FaultHistoryShort, "a counter has fewer than two samples within the rate window",
			"wait for a second scrape, or widen the rate window if scrapes are rarer than that",
		},
		{FaultPodMissing, "a ready pod reports nothing", "check that its PodMonitor or ServiceMonitor selects it"},
		{
			FaultRatioAboveOne, "a ratio is above one; percent is not accepted silently",
			"divide by 100 in a recording rule",
		},
		{
			FaultSampleInFuture, "a sample is stamped later than the moment it was read",
			"synchronise the clocks of Prometheus and its targets",
		},
		{
			FaultScopeMissing, "the engine's metric names have no prefix and nothing scopes them",
			"set matchers, for example job, on the model",
		},
		{
			FaultSeriesAbsent, "a series that the preset expects does not exist",
			"check the engine's version and its metrics flag; see docs/engines.md for the names",
		},
		{
			FaultSeriesInvalid, "a sample is NaN, infinite or negative where that cannot be",
			"check the exporter, or the recording rule that wrote it",
		},
		{FaultSeriesStale, "the newest sample is too old", "check the scrape target and its interval"},
		{
			FaultTargetDown, "Prometheus cannot scrape the target (up is 0)",
			"see the target's last error on the Prometheus targets page",
		},
	}
}

// faultKey is what one Fault is about; many pods with the same trouble are one.
type faultKey struct{ code, signal string }

// faultSet gathers faults and reports them once per code and signal.
type faultSet struct {
	objects map[faultKey][]string
	notes   map[faultKey]string
}

func newFaultSet() *faultSet {
	return &faultSet{objects: map[faultKey][]string{}, notes: map[faultKey]string{}}
}

// add records a fault of an object; the first note of a code and signal is kept.
func (f *faultSet) add(code string, sig Signal, object, note string) {
	k := faultKey{code, string(sig)}
	for _, o := range f.objects[k] {
		if o == object {
			return
		}
	}
	f.objects[k] = append(f.objects[k], object)
	if f.notes[k] == "" {
		f.notes[k] = note
	}
}

// shownObjects bounds how many objects a fault's text lists.
const shownObjects = 3

// list renders the faults, sorted by code and signal.
func (f *faultSet) list() []policy.Fault {
	docs := map[string]FaultDoc{}
	for _, d := range FaultDocs() {
		docs[d.Code] = d
	}
	out := make([]policy.Fault, 0, len(f.objects))
	for k, objects := range f.objects {
		sort.Strings(objects)
		shown := strings.Join(objects[:min(shownObjects, len(objects))], ", ")
		if more := len(objects) - shownObjects; more > 0 {
			shown += fmt.Sprintf(" and %d more", more)
		}
		text := shown + ": " + docs[k.code].Meaning
		if note := f.notes[k]; note != "" {
			text += " (" + note + ")"
		}
		out = append(out, policy.Fault{
			Code: k.code, Signal: k.signal, Object: objects[0], Text: text + "; " + docs[k.code].Remedy + ".",
		})
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Code != out[j].Code {
			return out[i].Code < out[j].Code
		}
		return out[i].Signal < out[j].Signal
	})
	return out
}
