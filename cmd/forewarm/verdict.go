package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/forewarm/forewarm/internal/app"
)

// verdict turns a report into an exit code.
func (f *recommendFlags) verdict(s *streams, r app.Report) error {
	if len(r.Models) == 0 {
		return &exitError{exitNoData, errors.New("no model passes --namespace and --model")}
	}
	if r.Answers() == 0 {
		return &exitError{exitNoData, errors.New("no model has an answer; see the faults")}
	}
	found := f.found(r)
	if len(found) == 0 {
		return nil
	}
	if !f.quiet {
		s.printf("\n--fail-on:\n")
		for _, line := range found {
			s.printf("  - %s\n", clean(line))
		}
	}
	return &exitError{code: exitFindings}
}

// found lists what --fail-on looks for.
func (f *recommendFlags) found(r app.Report) []string {
	var out []string
	for _, m := range r.Models {
		for _, v := range m.Variants {
			if f.minds(v) {
				out = append(out, fmt.Sprintf("%s/%s/%s has %d replicas, recommended are %d",
					m.Namespace, m.Name, v.Name, *v.Now, *v.Recommended))
			}
		}
	}
	if n := r.FaultCount(); n > 0 && slices.Contains(f.failOn, "fault") {
		out = append(out, fmt.Sprintf("%d faults in the data", n))
	}
	return out
}

// minds says whether --fail-on asks for this difference between now and
// recommended. An unknown count differs from nothing.
func (f *recommendFlags) minds(v app.VariantReport) bool {
	if v.Now == nil || v.Recommended == nil || *v.Now == *v.Recommended {
		return false
	}
	direction := "over"
	if *v.Now < *v.Recommended {
		direction = "under"
	}
	return slices.Contains(f.failOn, "change") || slices.Contains(f.failOn, direction)
}
