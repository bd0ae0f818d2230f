package main

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/forewarm/forewarm/internal/app"
)

// edges remembers what was said of the data, so that each thing is said when it
// begins and when it ends, and not at every tick.
type edges struct {
	assumed map[string]bool   // scopes whose assumptions were printed
	faults  map[string]string // what is wrong now, by identity
}

func newEdges() *edges { return &edges{assumed: map[string]bool{}} }

// print says what is assumed of each model once, and every fault that appeared
// or cleared since the last report.
func (e *edges) print(s *streams, r app.Report) {
	at := r.At.Format(time.RFC3339)
	now := map[string]string{}
	visit := func(scope string, assumptions []string, faults []app.Fault) {
		if !e.assumed[scope] {
			e.assumed[scope] = true
			for _, a := range assumptions {
				s.printf("%s assumed: %s\n", at, clean(scope+a))
			}
		}
		lines := faultLines(faults)
		for i, f := range faults {
			now[identity(now, scope, f)] = clean(scope + lines[i])
		}
	}
	visit("", r.Assumptions, r.Faults)
	for _, m := range r.Models {
		visit(m.Namespace+"/"+m.Name+": ", m.Assumptions, m.Faults)
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if _, known := e.faults[key]; !known {
			s.printf("%s fault: %s\n", at, now[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(e.faults)) {
		if _, still := now[key]; !still {
			s.printf("%s cleared: %s\n", at, e.faults[key])
		}
	}
	e.faults = now
}

// identity is what makes a fault the same from tick to tick. Its text is not
// part of it, because figures in it change; faults alike are counted.
func identity(taken map[string]string, scope string, f app.Fault) string {
	base := scope + "\x00" + f.Code + "\x00" + f.Signal + "\x00" + f.Object
	key := base
	for n := 2; taken[key] != ""; n++ {
		key = base + "\x00" + strconv.Itoa(n)
	}
	return key
}
