package signals

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// DiscoverOptions narrow what Discover looks for. See DefaultDiscoverOptions.
type DiscoverOptions struct {
	Labels     Labels        // label names on engine series
	Namespaces []string      // empty = all
	Engines    []string      // preset names; empty = all
	Lookback   time.Duration // a model is there if it has samples this recent
	Options    Options
	Custom     map[string]Preset // engines beyond the built-in ones
}

// DefaultDiscoverOptions look at every namespace and engine, ten minutes back.
func DefaultDiscoverOptions() DiscoverOptions {
	return DiscoverOptions{Labels: DefaultLabels(), Lookback: 10 * time.Minute, Options: DefaultOptions()}
}

// Discovery is what a source says about the models it sees.
type Discovery struct {
	Source  string
	Found   []Found  // sorted by ID
	Assumed []string // sentences, about all of it
	Faults  []policy.Fault
}

// Found is one served model with everything that a configuration needs.
type Found struct {
	ID        policy.ModelID // Name is a DNS slug of the model name
	Engine    string
	ModelName string            // value of the model label; "" = the engine has none
	Labels    Labels            // Namespace is "" if the series have no such label
	Matchers  map[string]string // further matchers that single this model out
	Gateway   *GatewayBinding   // nil = none seen
	Variants  []FoundVariant    // sorted by name
	Pods      []string          // with fresh series, sorted
	Silent    []string          // seen within the look-back, where no pod has fresh series
	Assumed   []string          // sentences, about this model
}

// FoundVariant is one scalable object behind a model.
type FoundVariant struct {
	Name         string // DNS slug of the target
	APIVersion   string
	Kind         string
	Target       string
	Replicas     int // asked for; without kube-state-metrics: pods seen
	GPUs         int // per replica
	Product      string
	CapacityType policy.CapacityType
	Pods         []string
}

// Binding is how a Reader finds the model's signals again.
func (f Found) Binding(source string) Binding {
	b := Binding{
		Model: f.ID, Source: source, Engine: f.Engine, ModelName: f.ModelName,
		Labels: f.Labels, Matchers: f.Matchers, Gateway: f.Gateway,
	}
	for _, v := range f.Variants {
		b.Variants = append(b.Variants, VariantBinding{
			Name: v.Name, APIVersion: v.APIVersion, Kind: v.Kind, Target: v.Target,
		})
	}
	return b
}

// NotFoundError says that no engine was seen, what was looked for, and what
// exists that resembles it.
type NotFoundError struct {
	Source string
	URL    string
	Where  string              // namespaces and time that were looked at
	Looked map[string][]string // engine -> series names
	Near   []string            // names of series that exist and resemble them
}

// Error names every engine, the near names and the remedy.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %s (%s): no inference engine seen%s; looked for", e.Source, e.URL, e.Where)
	for i, name := range slices.Sorted(maps.Keys(e.Looked)) {
		sep := ";"
		if i == 0 {
			sep = ""
		}
		fmt.Fprintf(&b, "%s %s: %s", sep, name, strings.Join(e.Looked[name], ", "))
	}
	if len(e.Near) > 0 {
		fmt.Fprintf(&b, ". Similar series exist: %s: renamed metrics or an engine of another version;"+
			" name them under a custom engine", strings.Join(e.Near, ", "))
		return b.String()
	}
	b.WriteString(". No similar series exist: check that a PodMonitor or ServiceMonitor scrapes the engines," +
		" that this Prometheus is the one that does, and that the engines' metrics are enabled")
	return b.String()
}
