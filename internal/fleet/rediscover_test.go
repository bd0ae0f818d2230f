package fleet

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
)

// forgetful counts how often it was told to look again.
type forgetful struct {
	meta.RESTMapper
	resets int
}

// Reset implements meta.ResettableRESTMapper.
func (f *forgetful) Reset() { f.resets++ }

// A LeaderWorkerSet may be installed after Forewarm was. Its kind is then looked for again, but not at every tick.
func TestKindsDefinedLaterAreFound(t *testing.T) {
	w := newWorld()
	mapper := &forgetful{RESTMapper: w.mapper}
	w.mapper = mapper
	w.scaleIs(1)
	unheard := []Workload{{Targets: []Target{{APIVersion: "example.org/v1", Kind: "Unheard", Name: "a"}}}}
	for i := range 20 {
		if err := w.Load(t.Context(), now.Add(time.Duration(i)*15*time.Second), unheard); err == nil {
			t.Fatal("want the kind not found")
		}
	}
	if want := 10; mapper.resets != want {
		t.Errorf("want %d looks in five minutes, got %d", want, mapper.resets)
	}
}
