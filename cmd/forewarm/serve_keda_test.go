package main

import (
	"errors"
	"strings"
	"testing"
)

func TestTheScalerIsSecuredOrSaidNotToBe(t *testing.T) {
	for name, tc := range map[string]struct {
		flags kedaFlags
		want  string
	}{
		"off":             {kedaFlags{inline: true}, ""},
		"in the clear":    {kedaFlags{listen: ":1", insecure: true}, ""},
		"TLS":             {kedaFlags{listen: ":1", cert: "c", key: "k"}, ""},
		"mutual TLS":      {kedaFlags{listen: ":1", cert: "c", key: "k", clientCA: "a", clientNames: []string{"n"}}, ""},
		"neither":         {kedaFlags{listen: ":1"}, "--keda-listen: want either"},
		"both":            {kedaFlags{listen: ":1", cert: "c", key: "k", insecure: true}, "--keda-listen: want either"},
		"half a pair":     {kedaFlags{listen: ":1", cert: "c"}, "--keda-tls-cert, --keda-tls-key: want both"},
		"a CA alone":      {kedaFlags{listen: ":1", clientCA: "a"}, "--keda-client-ca: want"},
		"a name alone":    {kedaFlags{listen: ":1", cert: "c", key: "k", clientNames: []string{"n"}}, "--keda-client-name: want"},
		"without address": {kedaFlags{cert: "c", key: "k"}, "--keda-*: want --keda-listen"},
	} {
		t.Run(name, func(t *testing.T) {
			got := errors.Join(tc.flags.check()...)
			if (got == nil) != (tc.want == "") || got != nil && !strings.Contains(got.Error(), tc.want) {
				t.Errorf("want %q, got %v", tc.want, got)
			}
		})
	}
}
