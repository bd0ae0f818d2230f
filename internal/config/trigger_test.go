package config

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
)

// inline is the metadata of a trigger that defines a model, changed by more; an
// empty value takes a key away.
func inline(more ...string) map[string]string {
	m := map[string]string{
		"scalerAddress": "forewarm-scaler.forewarm:9443", "enableTLS": "true",
		"engine": "vllm", "modelName": "meta-llama/Llama-3.1-8B-Instruct", "slo.ttftP95": "2s",
	}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
		if more[i+1] == "" {
			delete(m, more[i])
		}
	}
	return m
}

func TestATriggerNamesAModel(t *testing.T) {
	for name, tc := range map[string]struct {
		metadata map[string]string
		want     Trigger
	}{
		"model":        {map[string]string{"scalerAddress": "f:1", "model": "llama"}, Trigger{Model: "llama", Metric: "desired", Target: 1}},
		"and variant":  {map[string]string{"model": "llama", "variant": "spot"}, Trigger{Model: "llama", Variant: "spot", Metric: "desired", Target: 1}},
		"a raw metric": {map[string]string{"model": "llama", "metric": "kv", "target": "0.8"}, Trigger{Model: "llama", Metric: "kv", Target: 0.8}},
		"in words":     {map[string]string{"model": "llama", "metric": "desired", "target": "1"}, Trigger{Model: "llama", Metric: "desired", Target: 1}},
		"inline":       {inline(), Trigger{Model: "object", Variant: "main", Metric: "desired", Target: 1, Inline: true}},
		"inline with a name": {
			inline("model", "llama", "variant", "spot", "metric", "rps", "target", "2"),
			Trigger{Model: "llama", Variant: "spot", Metric: "rps", Target: 2, Inline: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseTrigger("object", tc.metadata, testCatalog())
			if err != nil {
				t.Fatal(err)
			}
			got.fields = triggerFields{}
			if diff := cmp.Diff(tc.want, *got, cmp.AllowUnexported(Trigger{})); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestABadTriggerIsReportedByKeyAllAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		metadata map[string]string
		want     string
	}{
		"nothing":            {map[string]string{}, "model: want the name of a model, or a definition that begins with engine, got nothing"},
		"a typing error":     {map[string]string{"mdoel": "llama"}, "mdoel: unknown key, did you mean model?"},
		"a model id":         {map[string]string{"model": "meta/llama"}, "model: want a DNS label (lower-case letters, digits, '-', at most 63), got meta/llama"},
		"half a definition":  {map[string]string{"model": "llama", "slo.ttftP95": "2s"}, "slo: is part of a definition: want engine with it, or only model (and variant)"},
		"no promise":         {inline("slo.ttftP95", ""), "slo.ttftP95: want a duration > 0, got nothing"},
		"a far engine":       {inline("engine", "vlm"), "engine: want an engine of llama.cpp, sglang, tgi, vllm; got vlm, did you mean vllm?"},
		"an unknown metric":  {map[string]string{"model": "a", "metric": "queue", "target": "1"}, "metric: want a metric of desired, kv, pending, rps, running; got queue"},
		"no target":          {map[string]string{"model": "a", "metric": "rps"}, "target: want what one replica should carry of rps, got nothing"},
		"a target of zero":   {map[string]string{"model": "a", "metric": "rps", "target": "0"}, "target: want 0.001 to 1000000000, got 0"},
		"not a number":       {map[string]string{"model": "a", "metric": "rps", "target": ".nan"}, "target: want 0.001 to 1000000000, got NaN"},
		"an idle target":     {map[string]string{"model": "a", "target": "5"}, "target: want 1, or a metric other than desired, got 5"},
		"an environment":     {map[string]string{"modelFromEnv": "hush"}, "modelFromEnv: not supported: the environment of the scale target is not read; write the value as model\nmodel: want the name of a model, or a definition that begins with engine, got nothing"},
		"a certificate":      {map[string]string{"model": "a", "caCert": "x"}, "caCert: want it in a TriggerAuthentication"},
		"a query":            {map[string]string{"model": "a", "query": "up"}, "query: no queries and no URLs are taken from metadata: name a model"},
		"a server":           {map[string]string{"model": "a", "serverAddress": "http://169.254.169.254"}, "serverAddress: no queries and no URLs are taken from metadata: name a model"},
		"a URL":              {inline("gateway", "llm-d-epp", "gateway.scrape", "http://x"), "gateway.scrape: not taken from metadata: no URL is; set it on a model of Forewarm's own configuration"},
		"another's name":     {inline("labels.namespace", "pod"), "labels.namespace: not taken from metadata, or a namespace could be read in the name of another: set labels on the source"},
		"another namespace":  {inline("namespace", "other"), "namespace: not taken from metadata: it is that of the ScaledObject"},
		"another's demand":   {inline("gateway", "llm-d-epp", "gateway.match.route_namespace", "victim", "gateway.match.model", "x"), "gateway.match.route_namespace: not taken from metadata, or what another namespace is asked could be read: it is that of the ScaledObject"},
		"another's gateway":  {inline("gateway", "llm-d-epp", "gateway.match.namespace", "victim"), "gateway.match.namespace: not taken from metadata"},
		"bounds":             {inline("replicas.max", "4"), "replicas.max: not taken from metadata: use minReplicaCount and maxReplicaCount of the ScaledObject"},
		"a scale target":     {inline("target.name", "x"), "target.name: not taken from metadata: it is the scaleTargetRef of the ScaledObject"},
		"twice":              {inline("gpusPerReplica", "4", "gpus.perReplica", "8"), "gpus.perReplica: given twice, or both as a value and with further levels"},
		"a value and levels": {inline("slo", "2s"), "slo.ttftP95: given twice, or both as a value and with further levels\nslo: want a mapping, got 2s"},
		"many levels":        {inline("a.b.c.d.e", "x"), "a.b.c.d.e: unknown key"},
		"words for numbers":  {inline("priority", "high", "idle.toZero", "maybe"), "idle.toZero: want true or false, got maybe\npriority: want a whole number, got high"},
		"without a gateway":  {inline("idle.toZero", "true"), "idle.toZero: no demand source exists at zero replicas: want a gateway, got none"},
		"the wrong variant":  {inline("capacityType", "cheap", "warmUp", "-1s"), "capacityType: want on-demand, spot or reserved, got cheap\nwarmUp: want auto or a duration > 0, at most 24h, got -1s"},
		"a long value":       {inline("modelName", strings.Repeat("x", 2000)), "modelName: want at most 1024 bytes, got 2000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTrigger("object", tc.metadata, testCatalog())
			var list Errors
			if !errors.As(err, &list) {
				t.Fatalf("want Errors, got %v", err)
			}
			if got := err.Error(); !strings.HasPrefix(got, tc.want) || len(list) != strings.Count(tc.want, "\n")+1 {
				t.Errorf("want\n%s\ngot\n%s", tc.want, got)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Error("a value of the environment is shown")
			}
		})
	}
}

func TestMetadataIsBounded(t *testing.T) {
	m := map[string]string{}
	for i := range 10_000 {
		m[strings.Repeat("k", i%100)+string(rune('a'+i%26))+strings.Repeat("z", i/100)] = "v"
	}
	_, err := ParseTrigger("object", m, testCatalog())
	if err == nil || !strings.Contains(err.Error(), "want at most 64 keys") || len(err.Error()) > 300 {
		t.Errorf("want one short refusal, got %v", err)
	}
}

// Every field of a model and of its variant is a key of the metadata, under the same
// name and of the same type, but for those that the ScaledObject gives.
func TestMetadataHasTheNamesOfTheConfiguration(t *testing.T) {
	elsewhere := map[string]bool{"Name": true, "Namespace": true, "Labels": true, "Variants": true, "Target": true, "Replicas": true, "Assumed": true, "Origin": true, "Events": true, "Definers": true}
	have := reflect.TypeOf(triggerFields{})
	for _, from := range []reflect.Type{reflect.TypeOf(Model{}), reflect.TypeOf(Variant{})} {
		for i := range from.NumField() {
			f := from.Field(i)
			if elsewhere[f.Name] {
				continue
			}
			got, ok := have.FieldByName(f.Name)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !ok || got.Type != f.Type || got.Tag.Get("json") != name {
				t.Errorf("%s.%s: want a key %s of type %s, got %v", from.Name(), f.Name, name, f.Type, got)
			}
		}
	}
}

func TestAnInlineModelIsLikeOneOfTheFile(t *testing.T) {
	meta := inline("model", "llama", "variant", "spot", "gateway", "llm-d-epp", "gateway.match.target_model_name", "llama",
		"slo.itlP95", "100ms", "slo.attainment", "0.95", "idle.after", "20m", "idle.onBlind", "one", "priority", "7",
		"matchers.job", "vllm", "gpusPerReplica", "4", "gpus.product", "NVIDIA-A100-80GB", "gpus.tensorParallel", "4",
		"capacityType", "spot", "price", "1.2", "warmUp", "6m30s", "capacity.requestsPerSecond", "2.1",
		"spot.availability", "0.7", "spot.notice", "2m", "tolerance", "0.1")
	object := ScaledObject{
		Namespace: "llm", Name: "o", APIVersion: "leaderworkerset.x-k8s.io/v1", Kind: "LeaderWorkerSet", Target: "llama-spot",
		Min: 2, Max: 9, Idle: new(0), Triggers: []map[string]string{meta},
	}
	models, refused := InlineModels([]ScaledObject{object}, testCatalog())
	if len(models) != 1 || len(refused) != 0 {
		t.Fatalf("want one model, got %v and %v", models, refused)
	}
	r, err := FromModels(good(t, "no-source"), models, testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	got, _ := r.Find(policy.ModelID{Namespace: "llm", Name: "llama"})
	want := Entry{
		Model: policy.Model{
			ID:       policy.ModelID{Namespace: "llm", Name: "llama"},
			Engine:   "vllm",
			SLO:      policy.SLO{TTFTP95: 2 * time.Second, ITLP95: 100 * time.Millisecond, Attainment: 0.95},
			Priority: 7, Idle: policy.Idle{ToZero: true, After: 20 * time.Minute, OnBlind: policy.BlindOne, RestartCost: DefaultRestartCost}, Gateway: true,
			Variants: []policy.Variant{{
				Name: "spot", Min: 2, Max: 9,
				Target: policy.Target{APIVersion: "leaderworkerset.x-k8s.io/v1", Kind: "LeaderWorkerSet", Name: "llama-spot"},
				GPUs:   4, Product: "NVIDIA-A100-80GB", CapacityType: policy.Spot, PricePerGPU: 1.2,
				WarmUp: 390 * time.Second, Capacity: policy.Capacity{Requests: 2.1}, CapacityFixed: true,
				Spot: policy.SpotTerms{Availability: 0.7, HazardPerHour: 0.1, Notice: 2 * time.Minute}, Tolerance: 0.1,
			}},
		},
		Source: "default", Engine: "vllm", ModelName: "meta-llama/Llama-3.1-8B-Instruct",
		Labels: Labels{Namespace: "namespace", Pod: "pod"}, Matchers: map[string]string{"job": "vllm"},
		Gateway: &Gateway{Preset: "llm-d-epp", Match: map[string]string{"target_model_name": "llama"}},
		Targets: []Target{{APIVersion: "leaderworkerset.x-k8s.io/v1", Kind: "LeaderWorkerSet", Name: "llama-spot"}},
		Origin:  FromScaledObject,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestZeroFollowsMinReplicaCountWhereAGatewayShowsDemand(t *testing.T) {
	for name, tc := range map[string]struct {
		least   int
		gateway string
		says    string
		want    *bool
		assumed int
	}{
		"zero with a gateway":    {0, "llm-d-epp", "", new(true), 0},
		"zero without a gateway": {0, "", "", nil, 1},
		"zero, but not wanted":   {0, "llm-d-epp", "false", new(false), 0},
		"one":                    {1, "llm-d-epp", "", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tr, err := ParseTrigger("o", inline("gateway", tc.gateway, "idle.toZero", tc.says), testCatalog())
			if err != nil {
				t.Fatal(err)
			}
			m := tr.Define("llm", Target{Name: "d"}, tc.least, 5)
			if diff := cmp.Diff(tc.want, m.Idle.ToZero); diff != "" || len(m.Assumed) != tc.assumed {
				t.Errorf("-want +got\n%s%v", diff, m.Assumed)
			}
		})
	}
}

func object(name, target string, metadata ...map[string]string) ScaledObject {
	return ScaledObject{Namespace: "llm", Name: name, Target: target, Max: 10, Triggers: metadata}
}

func TestScaledObjectsTogetherMakeModels(t *testing.T) {
	spot := inline("model", "llama", "variant", "spot")
	demand := inline("model", "llama", "variant", "on-demand")
	for name, tc := range map[string]struct {
		objects []ScaledObject
		want    []string // model/variant>target
		refused string
	}{
		"one":                         {[]ScaledObject{object("a", "a", inline())}, []string{"a/main>a"}, ""},
		"only references":             {[]ScaledObject{object("a", "a", map[string]string{"model": "llama"})}, nil, ""},
		"two variants of one model":   {[]ScaledObject{object("b", "s", spot), object("a", "d", demand)}, []string{"llama/on-demand>d llama/spot>s"}, ""},
		"two metrics of one model":    {[]ScaledObject{object("a", "a", inline(), inline("metric", "rps", "target", "2"))}, []string{"a/main>a"}, ""},
		"the same variant twice":      {[]ScaledObject{object("a", "a", spot), object("b", "b", spot)}, []string{"llama/spot>a"}, "ScaledObject b: variant: spot of llama is defined already, for another target"},
		"one target for two variants": {[]ScaledObject{object("a", "a", spot), object("b", "a", demand)}, []string{"llama/spot>a"}, "ScaledObject b: variant: spot of llama scales the same target"},
		"two opinions":                {[]ScaledObject{object("a", "a", spot), object("b", "b", inline("model", "llama", "variant", "x", "priority", "3"))}, []string{"llama/spot>a"}, "ScaledObject b: defines llama otherwise"},
		"a broken one":                {[]ScaledObject{object("a", "a", inline("slo.ttftP95", "soon")), object("b", "b", inline())}, []string{"b/main>b"}, "ScaledObject a: slo.ttftP95: want a duration such as 15s, got soon"},
	} {
		t.Run(name, func(t *testing.T) {
			models, refused := InlineModels(tc.objects, testCatalog())
			var got []string
			for _, m := range models {
				var all []string
				for _, v := range m.Variants {
					all = append(all, m.Name+"/"+v.Name+">"+v.Target.Name)
				}
				got = append(got, strings.Join(all, " "))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if (tc.refused != "") != (len(refused) == 1) || len(refused) == 1 && !strings.HasPrefix(refused[0].Why, tc.refused) {
				t.Errorf("want refused %q, got %v", tc.refused, refused)
			}
		})
	}
}

func TestAScaledObjectBoundsTheVariantOfItsTarget(t *testing.T) {
	file := good(t, "minimal")
	target := file.Models[0].Variants[0].Target.Name
	for name, tc := range map[string]struct {
		min, max int
		paused   *int
		want     [2]int
	}{
		"narrower":      {2, 3, nil, [2]int{2, 3}},
		"wider":         {0, 100, nil, [2]int{1, 4}},
		"below the min": {0, 0, nil, [2]int{0, 0}},
		"paused":        {0, 9, new(7), [2]int{7, 7}},
		"paused as is":  {0, 9, new(-1), [2]int{1, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry(file)
			r.Bound([]ScaledObject{
				{Namespace: "elsewhere", Name: "x", Target: target, Min: 5, Max: 5},
				{Namespace: file.Models[0].Namespace, Name: "o", Target: target, Min: tc.min, Max: tc.max, Paused: tc.paused},
			})
			v := r.Entries[0].Model.Variants[0]
			if got := [2]int{v.Min, v.Max}; got != tc.want || v.Paused != (tc.paused != nil) {
				t.Errorf("want %v, got %v, paused %t", tc.want, got, v.Paused)
			}
		})
	}
}

func TestWhatAScaledObjectMayNotDoIsPlannedFor(t *testing.T) {
	file := good(t, "minimal")
	o := ScaledObject{
		Namespace: file.Models[0].Namespace, Name: "o", Target: file.Models[0].Variants[0].Target.Name, Min: 1, Max: 4,
		NoOut: true, Forced: true,
	}
	r := NewRegistry(file)
	r.Bound([]ScaledObject{o})
	e := r.Entries[0]
	if v := e.Model.Variants[0]; !v.NoRaise || v.NoLower || !v.Awake || v.Min != 1 || v.Max != 4 {
		t.Errorf("want it told not to raise and kept awake, within its bounds, got %+v", v)
	}
	want := "ScaledObject o has paused-scale-out and force-activation, so " + e.Model.Variants[0].Name +
		" does not rise and is never at zero."
	if !slices.Equal(e.Assumed, []string{want}) {
		t.Errorf("want %q alone, got %q", want, e.Assumed)
	}
}

func TestAScaledObjectThatScalesAnotherTargetIsWarnedOf(t *testing.T) {
	file := good(t, "minimal")
	m := file.Models[0]
	target := m.Variants[0].Target.Name
	for name, tc := range map[string]struct {
		object  ScaledObject
		trigger map[string]string
		want    string
	}{
		"its own target": {ScaledObject{Target: target}, map[string]string{"model": m.Name}, ""},
		"another object": {
			ScaledObject{Target: "other"},
			map[string]string{"model": m.Name},
			"ScaledObject o scales Deployment other by the replicas of " + m.Name + ", which are those of Deployment " + target + ":",
		},
		"another kind": {
			ScaledObject{Target: target, Kind: "StatefulSet"},
			map[string]string{"model": m.Name, "metric": "desired"},
			"ScaledObject o scales StatefulSet " + target + " by the replicas of ",
		},
		"a raw signal":      {ScaledObject{Target: "gateway"}, map[string]string{"model": m.Name, "metric": "pending"}, ""},
		"a definition":      {ScaledObject{Target: "other"}, map[string]string{"model": m.Name, "engine": "vllm"}, ""},
		"a model of nobody": {ScaledObject{Target: "other"}, map[string]string{"model": "x"}, ""},
		"no such variant":   {ScaledObject{Target: "other"}, map[string]string{"model": m.Name, "variant": "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry(file)
			before := len(r.Warnings)
			o := tc.object
			o.Namespace, o.Name, o.Max, o.Triggers = m.Namespace, "o", 4, []map[string]string{tc.trigger}
			r.Bound([]ScaledObject{o})
			got := strings.Join(r.Warnings[before:], "\n")
			if (got == "") != (tc.want == "") || !strings.HasPrefix(got, tc.want) {
				t.Errorf("want %q, got %q", tc.want, got)
			}
			if said := slices.Contains(r.Entries[0].Assumed, got); said != (tc.want != "") {
				t.Errorf("want it said with the model: %t, got %v", tc.want != "", r.Entries[0].Assumed)
			}
		})
	}
}

func FuzzParseTrigger(f *testing.F) {
	flat := func(m map[string]string) (out string) {
		for k, v := range m {
			out += k + "\x00" + v + "\x00"
		}
		return out
	}
	f.Add(flat(inline()))
	f.Add(flat(inline("gateway", "llm-d-epp", "matchers.job", "x", "capacity", "auto", "price", "1")))
	f.Add(flat(map[string]string{"model": "llama", "variant": "spot", "metric": "kv", "target": "0.8"}))
	f.Add("slo\x00x\x00slo.ttftP95\x002s\x00engine\x00vllm\x00.\x00..\x00a..b\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		parts := strings.Split(s, "\x00")
		meta := map[string]string{}
		for i := 0; i+1 < len(parts); i += 2 {
			meta[parts[i]] = parts[i+1]
		}
		before := maps.Clone(meta)
		tr, err := ParseTrigger("object", meta, testCatalog())
		if (tr == nil) == (err == nil) {
			t.Fatalf("want a trigger or an error, got %v and %v", tr, err)
		}
		if !maps.Equal(before, meta) {
			t.Fatal("the metadata was changed")
		}
		if err != nil {
			return
		}
		if tr.Model == "" || !(tr.Target > 0) {
			t.Fatalf("accepted %+v", tr)
		}
		if tr.Inline {
			if _, err := FromModels(nil, []Model{tr.Define("llm", Target{Name: "d"}, 0, 5)}, testCatalog()); err != nil && !strings.Contains(err.Error(), "source") {
				t.Fatalf("accepted, then refused: %v", err)
			}
		}
	})
}
