package config

import (
	"slices"
	"strings"
)

// nearest is the known name that was probably meant; "" if none is close: at
// most a third of the letters differ, ignoring case, or one begins the other.
func nearest(name string, known []string) string {
	best, bestDistance := "", max(1, len(name)/3)+1
	low := strings.ToLower(name)
	if len(low) > 64 {
		return ""
	}
	for _, k := range known {
		d := distance(low, strings.ToLower(k))
		if d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best != "" || len(low) < 3 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(strings.ToLower(k), low) || strings.HasPrefix(low, strings.ToLower(k)) {
			return k
		}
	}
	return ""
}

// distance is the Levenshtein distance in bytes, counting the swap of two
// neighbours as one edit.
func distance(a, b string) int {
	before, prev := []int(nil), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j]+cost, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, prev = prev, row
	}
	return prev[len(b)]
}

// unknown is the sentence for a name that is not among the known ones.
func unknown(what, name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return what + ", did you mean " + near + "?"
	}
	sorted := slices.Sorted(slices.Values(known))
	if len(sorted) == 0 {
		return what
	}
	return what + ", want one of " + strings.Join(sorted, ", ")
}
