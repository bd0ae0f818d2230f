package signals

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Recognized is what a PromQL query says of the model that it is about.
type Recognized struct {
	Engine    string
	Gateway   string
	ModelName string
	Namespace string
	Matchers  map[string]string // further label values
	Dropped   []string          // matchers that have no place in a definition, sorted
	Names     []string          // series that were recognized
	Notes     []string          // what of the query has no place in a definition

	several []string // what it reads of more than one model
}

// copiedNames are names in examples that people copy, which no engine writes.
var copiedNames = map[string]string{"vllm_pending_requests": "vllm"}

// Recognize finds the engine or gateway whose series a query reads. An error says
// why it is none that is known.
func Recognize(query string) (Recognized, error) {
	out := Recognized{Matchers: map[string]string{}}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return out, fmt.Errorf("parse the query: %w", err)
	}
	var unknown []string
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok && !out.selector(s) {
			unknown = append(unknown, nameOf(s))
		}
		return nil
	})
	if len(out.Names) == 0 {
		return out, fmt.Errorf("no engine or gateway is known to write %s", strings.Join(unknown, ", "))
	}
	if len(out.several) > 0 {
		return out, fmt.Errorf("it reads %s, and a definition is of one model", strings.Join(out.several, ", "))
	}
	slices.Sort(out.Dropped)
	out.Dropped = slices.Compact(out.Dropped)
	for _, name := range unknown {
		out.Notes = append(out.Notes, name+" is not read")
	}
	return out, nil
}

func nameOf(s *parser.VectorSelector) string {
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			return m.Value
		}
	}
	return "a selector without a name"
}

// selector takes what one selector tells; false if its series is not known.
func (r *Recognized) selector(s *parser.VectorSelector) bool {
	name := nameOf(s)
	p, ok := writer(name)
	if !ok {
		return false
	}
	r.Names = append(r.Names, name)
	if p.Gateway {
		r.Gateway = r.one(r.Gateway, p.Name)
	} else {
		r.Engine = r.one(r.Engine, p.Name)
	}
	for _, m := range s.LabelMatchers {
		switch {
		case m.Name == model.MetricNameLabel || m.Value == "":
		case m.Type != labels.MatchEqual:
			r.drop(m, "only exact label values can be given")
		case m.Name == p.ModelLabel:
			r.ModelName = r.one(r.ModelName, m.Value)
		case m.Name == "namespace":
			r.Namespace = r.one(r.Namespace, m.Value)
		case m.Name == "pod" || m.Name == "instance":
			r.drop(m, "all pods of the model count")
		case !p.Gateway:
			r.Matchers[m.Name] = r.one(r.Matchers[m.Name], m.Value)
		}
	}
	return true
}

// one takes what a selector tells, and remembers if another told otherwise.
func (r *Recognized) one(have, now string) string {
	if have != "" && have != now {
		r.several = append(r.several, have+" and "+now)
	}
	return now
}

// drop leaves a matcher out of the definition.
func (r *Recognized) drop(m *labels.Matcher, why string) {
	r.Dropped = append(r.Dropped, m.String())
	r.Notes = append(r.Notes, fmt.Sprintf("%s is dropped: %s", m, why))
}

// writer is the preset that writes a series, however its name is spelled.
func writer(name string) (Preset, bool) {
	if engine, ok := copiedNames[name]; ok {
		return Lookup(engine)
	}
	for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
		base := strings.TrimSuffix(name, suffix)
		for _, p := range Presets() {
			if p.NeedsScope { // its names are nobody's in particular
				continue
			}
			for _, rows := range p.Signals {
				if slices.ContainsFunc(rows, func(m Metric) bool { return m.Name == base || mangle(m.Name) == base }) {
					return p, true
				}
			}
		}
	}
	return Preset{}, false
}
