package policy

import "time"

// sight keeps since when each pod of a variant has been serving. Those seen at
// the first moment of all were there before; a pod that goes and comes back is new.
// The old slice is shared while nothing changes and never written to.
func sight(old []Sighting, variant string, in *Input, first bool) []Sighting {
	n, same := unchanged(old, variant, in.Signals.Pods)
	if same {
		return old
	}
	out := make([]Sighting, 0, n)
	for i := range in.Signals.Pods {
		p := &in.Signals.Pods[i]
		if p.Variant != variant {
			continue
		}
		for len(old) > 0 && old[0].Name < p.Name {
			old = old[1:]
		}
		s := Sighting{Name: p.Name}
		switch {
		case len(old) > 0 && old[0].Name == p.Name:
			s = old[0]
		case !first:
			s.Since = in.Now
		}
		out = append(out, s)
	}
	return out
}

// unchanged says how many pods a variant has and whether they are those of before.
func unchanged(old []Sighting, variant string, pods []Pod) (n int, same bool) {
	same = true
	for i := range pods {
		if p := &pods[i]; p.Variant == variant {
			same = same && n < len(old) && old[n].Name == p.Name
			n++
		}
	}
	return n, same && n == len(old)
}

// grown says that a pod has served since a moment or longer: for as long as its cache needs to fill.
func (s *Sighting) grown(since time.Time) bool { return !s.Since.After(since) }
