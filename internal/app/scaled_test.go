package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/fleet"
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
