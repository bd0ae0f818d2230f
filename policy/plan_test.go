package policy

import (
	"testing"
	"time"
)

func TestExpired(t *testing.T) {
	for name, tc := range map[string]struct {
		d    Decision
		want bool
	}{
		"fresh":               {Decision{Known: true, Good: noon}, false},
		"held within the ttl": {Decision{Known: true, Hold: true, Good: noon.Add(-10 * time.Minute)}, false},
		"held beyond the ttl": {Decision{Known: true, Hold: true, Good: noon.Add(-11 * time.Minute)}, true},
		"never had an answer": {Decision{Good: noon}, true},
		"never had good data": {Decision{Known: true, Hold: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.d.Expired(noon, 10*time.Minute); got != tc.want {
				t.Errorf("want %t, got %t", tc.want, got)
			}
		})
	}
}
