package app

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/internal/signals"
)

// A cache lists in no order, and every replica of ours must take the same from it: which of two ScaledObjects bounds
// the target that both scale, and which of two definitions of one model counts.
func TestScaledObjectsAreTakenInOneOrder(t *testing.T) {
	wide, narrow := scaledObject("a", "calm", definition("calm")), scaledObject("b", "calm", definition("calm"))
	narrow.Max = 3
	var first []config.ScaledObject
	for _, list := range [][]fleet.ScaledObject{{wide, narrow}, {narrow, wide}} {
		s := scaled{source: &objects{list: list}}
		got, models, _ := s.read()
		if first == nil {
			first = got
		}
		if d := cmp.Diff(first, got); d != "" {
			t.Errorf("another order (-first +got):\n%s", d)
		}
		if len(models) == 0 || models[0].Name != "a" {
			t.Errorf("want the model of a first, got %v", models)
		}
		file := fileWith(t, "calm")
		reg := config.NewRegistry(file)
		reg.Bound(got)
		if v := reg.Entries[0].Model.Variants[0]; v.Max != 3 {
			t.Errorf("want b's bounds in either order, got a maximum of %d", v.Max)
		}
	}
}

// Where a gateway's series say whose they are, the metadata of one tenant cannot name another.
func TestNoNamespaceOfAGatewayIsTakenFromMetadata(t *testing.T) {
	seen := 0
	for _, p := range signals.Presets() {
		for _, label := range append([]string{"namespace"}, p.NamespaceLabels...) {
			if !p.Gateway {
				continue
			}
			m := definition("calm")
			m["gateway"], m["gateway.match."+label] = p.Name, "victim"
			_, err := config.ParseTrigger("o", m, Catalog())
			if err == nil || !strings.Contains(err.Error(), "gateway.match."+label+": not taken from metadata") {
				t.Errorf("%s: want %s refused, got %v", p.Name, label, err)
			}
			seen++
		}
	}
	if seen < 10 {
		t.Errorf("want every gateway tried, got %d", seen)
	}
}
