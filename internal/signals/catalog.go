package signals

import (
	"slices"
	"sort"
	"strings"
)

// catalog holds every built-in preset. Adding an engine or a gateway is one table
// in a file of its own and one line here.
var catalog = []Preset{
	// Engines.
	vllm,
	sglang,
	tgi,
	triton,
	trtllmServe,
	nim,
	rayServeLLM,
	llamaCPP,
	lmdeploy,
	kserveHF,
	// Demand sources that exist at zero replicas.
	llmdEPP,
	productionStack,
	dynamoFrontend,
	rayServeRouter,
	kedaHTTP,
	knativeActivator,
	aibrixGateway,
	envoyAIGateway,
	istio,
	envoy,
}

// Presets are all built-in engines and gateways, sorted by name. The tables are
// shared: do not change them.
func Presets() []Preset {
	out := append([]Preset(nil), catalog...)
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Lookup finds a built-in preset by name.
func Lookup(name string) (Preset, bool) {
	for _, p := range catalog {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}

// Names are the names of the engines, or of the gateways, sorted.
func Names(gateway bool) []string {
	var out []string
	for _, p := range Presets() {
		if p.Gateway == gateway {
			out = append(out, p.Name)
		}
	}
	return out
}

// NamespaceLabels are the labels by which gateways tell namespaces apart, sorted:
// those of the presets, and the one that Prometheus gives a target.
func NamespaceLabels() []string {
	out := []string{DefaultLabels().Namespace}
	for _, p := range Presets() {
		out = append(out, p.NamespaceLabels...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Nearest is the known name that an unknown one was probably meant to be; "" if
// none is near. Near is at most a third of the letters wrong (Levenshtein), or one
// name beginning with the other.
func Nearest(unknown string, known []string) string {
	best, bestCost := "", len(unknown)/3+1
	low := plain(unknown)
	for _, k := range known {
		cost := distance(low, plain(k))
		if len(low) >= 3 && (strings.HasPrefix(plain(k), low) || strings.HasPrefix(low, plain(k))) {
			cost = min(cost, 1)
		}
		if cost < bestCost {
			best, bestCost = k, cost
		}
	}
	return best
}

// plain drops case and separators, in which names mostly go wrong.
func plain(s string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
