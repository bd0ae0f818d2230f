package policy

import (
	"testing"
	"time"
)

func TestPropose(t *testing.T) {
	for name, tc := range map[string]struct {
		scene
		want int
		says WhyCode // a step that must be there
	}{
		// Look-ahead.
		"steady load that fits stays":                    {with(2, scene{arrivals: 15}), 2, "forecast-peak"},
		"an expected peak is ordered before it comes":    {with(2, scene{arrivals: 15, peak: 45}), 5, "grow"},
		"an expected rise is ordered ahead, and said":    {with(2, scene{arrivals: 15, usual: 24, peak: 45}), 5, "grow-ahead"},
		"a blip back to what was there is no rise":       {with(2, scene{arrivals: 15, usual: 24, past: 26, peak: 45}), 5, "grow"},
		"a rise is no reason for what is needed already": {with(2, scene{arrivals: 25, usual: 30, peak: 45}), 5, "grow"},
		"present load counts where there is no forecast": {with(2, scene{arrivals: 45, noForecast: true}), 5, "forecast-none"},
		"starting replicas are not ordered twice":        {scene{spec: 5, ready: 2, arrivals: 15, peak: 45}, 5, "forecast-peak"},

		// Backlog.
		"a short queue that present supply drains orders nothing": {with(2, scene{arrivals: 10, pending: 100}), 2, "keep-queue"},
		"a queue that will still stand when help is warm orders":  {with(2, scene{arrivals: 20, pending: 1200}), 3, "backlog"},
		"replicas on their way count against the queue when due":  {scene{spec: 4, ready: 2, ages: []time.Duration{time.Minute, time.Minute}, arrivals: 20, pending: 1200}, 4, "backlog"},
		"a queue cannot be older than its clients' patience":      {with(2, scene{arrivals: 20, pending: 1e6, maxReplicas: 4000}), 669, "backlog"},
		"requests held at the gateway are a queue like any other": {with(2, scene{arrivals: 20, queue: 1200}), 3, "backlog"},
		"a queue raises even while arrivals are unknown":          {with(2, scene{blind: true, pending: 9000, maxReplicas: 50}), 4, "hold-no-arrivals"},

		// Bursts: 15 s ago as many were in flight as flew says.
		"a burst is seen within one scrape":                       {with(2, scene{arrivals: 2, completed: 2, running: 300, flew: 1}), 4, "burst"},
		"the second look need not guess when it began":            {with(2, scene{arrivals: 5, counted: 2, completed: 10, running: 420, flew: 120, rising: true}), 3, "burst"},
		"and then the gateway's count says how large it is":       {with(2, scene{arrivals: 5, counted: 1, completed: 10, running: 420, flew: 120, rising: true}), 4, "burst"},
		"engines scraped later show what the gateway has not yet": {with(1, scene{running: 200, flew: 1}), 3, "burst"},
		"a queue that grows is arrivals":                          {with(2, scene{arrivals: 5, counted: 2, completed: 10, queue: 300, running: 100, flew: 100, rising: true}), 4, "burst"},
		"a queue that grows though nothing more comes is a stall": {with(2, scene{arrivals: 10, counted: 10, completed: 10, queue: 300, running: 100, flew: 100}), 2, "backlog"},
		"the noise of many requests is no burst":                  {with(7, scene{arrivals: 70, completed: 70, running: 1100, flew: 1000}), 7, "forecast-peak"},
		"a burst that arrivals tell already changes nothing":      {with(6, scene{arrivals: 55, counted: 55, completed: 20, running: 400, flew: 100, rising: true}), 6, "forecast-peak"},
		"fewer in flight lowers nothing":                          {with(4, scene{arrivals: 35, completed: 35, running: 10, flew: 900}), 4, "forecast-peak"},
		"a silent pod hides how many there are":                   {with(2, scene{arrivals: 2, running: 300, flew: 1, deaf: true}), 2, "hold-partial"},

		// Floors of the present.
		"full KV caches hold replicas that the forecast would release": {with(6, scene{arrivals: 5, kv: 0.8}), 6, "forecast-peak"},
		"nearly empty KV caches hold nothing":                          {with(6, scene{arrivals: 5, kv: 0.1}), 5, "release"},

		"a burst shows in what runs before it shows in the rate": {with(2, scene{arrivals: 15, running: 400, service: 8}), 5, "floor-running"},
		"what runs never lowers":                                 {with(2, scene{arrivals: 15, running: 8, service: 8}), 2, "forecast-peak"},
		"configured concurrency is room too":                     {with(2, scene{arrivals: 15, running: 450, concurrency: 100}), 5, "floor-room"},

		// Shrink.
		"less load releases, a quarter at a time":            {with(8, scene{arrivals: 5}), 6, "release"},
		"what was needed minutes ago is kept":                {with(8, scene{arrivals: 5, past: 75}), 8, "forecast-peak"},
		"what will be needed soon is kept":                   {with(8, scene{arrivals: 5, peak: 75}), 8, "forecast-peak"},
		"nothing is released while the SLO is missed":        {with(8, scene{arrivals: 5, ttft: 3}), 8, "keep-slo-missed"},
		"nothing is released while a replica loads":          {scene{spec: 8, ready: 7, ages: []time.Duration{time.Minute}, arrivals: 5}, 8, "keep-loading"},
		"a replica stuck in loading holds nobody up":         {scene{spec: 8, ready: 7, ages: []time.Duration{time.Hour}, arrivals: 5}, 6, "release"},
		"nothing is released on partial data":                {with(8, scene{arrivals: 5, partial: true}), 8, "hold-partial"},
		"nothing is released while no replica is heard":      {scene{spec: 8, ready: 8, arrivals: 5, deaf: true}, 8, "hold-partial"},
		"nothing is released without arrivals":               {with(8, scene{blind: true}), 8, "hold-no-arrivals"},
		"nothing is released without a forecast":             {with(8, scene{arrivals: 5, noForecast: true}), 8, "forecast-none"},
		"nothing is released before one lead was watched":    {with(8, scene{arrivals: 5, justStarted: true}), 8, "keep-just-started"},
		"the last replica is not released by shrinking":      {with(1, scene{arrivals: 0}), 1, "arrivals-gateway"},
		"partial data may still raise":                       {with(2, scene{arrivals: 45, partial: true}), 5, "grow"},
		"unknown replicas start from the minimum and rise":   {scene{noSupply: true, arrivals: 45, minReplicas: 1}, 5, "hold-no-supply"},
		"present load from completions works without a gate": {with(2, scene{arrivals: 45, fromEngines: true}), 5, "arrivals-completions"},

		// Zero.
		"proven idle sleeps":                            {with(1, scene{toZero: true, idleFor: time.Hour}), 0, "zero"},
		"of many as of one":                             {with(6, scene{toZero: true, idleFor: time.Hour}), 0, "zero"},
		"of many, whatever spread a release waits for":  {with(6, scene{toZero: true, idleFor: time.Hour, past: 60}), 0, "zero"},
		"idle, but a season announces work":             {with(1, scene{toZero: true, idleFor: time.Hour, usual: 1}), 1, "keep-expected"},
		"a season that announces next to nothing":       {with(1, scene{toZero: true, idleFor: time.Hour, usual: 0.0001}), 0, "zero"},
		"idle, but not for long enough":                 {with(1, scene{toZero: true, idleFor: time.Minute}), 1, ""},
		"idle, but zero is not allowed":                 {with(1, scene{idleFor: day}), 1, ""},
		"idle, but no source would exist at zero":       {with(1, scene{toZero: true, idleFor: day, fromEngines: true}), 1, ""},
		"the minimum holds only while awake":            {with(1, scene{toZero: true, idleFor: day, minReplicas: 1}), 0, "zero"},
		"sleeping models are not raised to the minimum": {scene{toZero: true, idleFor: day, minReplicas: 2}, 0, "stay-zero"},
		"at zero without leave the minimum binds":       {scene{idleFor: day, minReplicas: 2}, 2, "limit-min"},
		"waking goes to the minimum":                    {scene{toZero: true, queue: 1, minReplicas: 2}, 2, "limit-min"},
		"idle, but a request runs":                      {with(1, scene{toZero: true, idleFor: day, running: 1}), 1, ""},
		"idle, but a ready replica is not heard":        {scene{spec: 1, ready: 1, toZero: true, idleFor: day, deaf: true}, 1, "hold-partial"},
		"idle, but data is partial":                     {with(1, scene{toZero: true, idleFor: day, partial: true}), 1, "hold-partial"},
		"idle, but arrivals are unknown":                {with(1, scene{toZero: true, idleFor: day, blind: true}), 1, "hold-no-arrivals"},
		"at zero and quiet stays":                       {scene{toZero: true, idleFor: day}, 0, "stay-zero"},
		"at zero a queued request wakes":                {scene{toZero: true, queue: 1}, 1, "grow"},
		"at zero an arrival wakes":                      {scene{toZero: true, arrivals: 0.1}, 1, "grow"},
		"at zero and blind holds":                       {scene{toZero: true, blind: true, onBlind: BlindHold}, 0, "stay-blind"},
		"at zero and blind wakes one if told so":        {scene{toZero: true, blind: true, onBlind: BlindOne}, 1, "wake-blind"},

		// Limits.
		"the maximum binds, and says how much is missing": {with(2, scene{arrivals: 100, maxReplicas: 4}), 4, "short"},
		"the minimum binds":                {with(1, scene{arrivals: 5, minReplicas: 3}), 3, "limit-min"},
		"a count above the maximum is cut": {with(9, scene{arrivals: 85, maxReplicas: 4}), 4, "limit-max"},

		// Starved: no node takes the pods.
		"starved replicas are not asked for again": {scene{spec: 6, ready: 2, starved: 4, ages: make([]time.Duration, 4), arrivals: 80}, 6, "short"},
	} {
		t.Run(name, func(t *testing.T) {
			p := tc.propose(t)
			if got := p.Variants[0].Want; got != tc.want {
				t.Errorf("wants %d replicas, want %d; steps %v", got, tc.want, codes(p.Steps))
			}
			if tc.says != "" && !said(p.Steps, tc.says) {
				t.Errorf("never said %q: %v", tc.says, codes(p.Steps))
			}
		})
	}
}

func TestActiveOnlyEndsWithProof(t *testing.T) {
	for name, tc := range map[string]struct {
		scene
		want bool
	}{
		"work":                    {with(2, scene{arrivals: 5}), true},
		"no work, not long":       {with(1, scene{toZero: true, idleFor: time.Minute}), true},
		"proven idle":             {with(1, scene{toZero: true, idleFor: time.Hour}), false},
		"asleep and quiet":        {scene{toZero: true, idleFor: time.Hour}, false},
		"asleep and blind":        {scene{toZero: true, blind: true}, true},
		"asleep with a request":   {scene{toZero: true, queue: 1}, true},
		"loading, nobody waiting": {scene{spec: 1, toZero: true, idleFor: time.Minute}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.propose(t).Active; got != tc.want {
				t.Errorf("active = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestVariantsShareTheWork(t *testing.T) {
	spot := &Variant{
		Name: "spot", Max: 10, GPUs: 1, CapacityType: Spot, WarmUp: time.Minute, WarmUpFixed: true,
		Capacity: Capacity{Requests: 10}, CapacityFixed: true,
	}
	big := &Variant{
		Name: "big", Max: 10, GPUs: 4, CapacityType: OnDemand, WarmUp: time.Minute, WarmUpFixed: true,
		Capacity: Capacity{Requests: 50}, CapacityFixed: true,
	}
	for name, tc := range map[string]struct {
		scene
		want [2]int
	}{
		"on-demand grows before spot":                 {with(2, scene{arrivals: 45, extraVariant: spot}), [2]int{5, 0}},
		"spot takes what on-demand's maximum leaves":  {with(2, scene{arrivals: 45, maxReplicas: 3, extraVariant: spot}), [2]int{3, 2}},
		"spot is released before on-demand":           {with(4, scene{arrivals: 45, extraVariant: spot, extraSpec: 2}), [2]int{4, 1}},
		"a bigger replica counts for what it carries": {with(1, scene{arrivals: 58, extraVariant: big, extraSpec: 1}), [2]int{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := tc.propose(t)
			if got := [2]int{p.Variants[0].Want, p.Variants[1].Want}; got != tc.want {
				t.Errorf("wants %v, want %v; steps %v", got, tc.want, codes(p.Steps))
			}
		})
	}
}

func TestPreferenceIsCheapestPerToken(t *testing.T) {
	m := Model{Variants: []Variant{
		{Name: "spot", CapacityType: Spot, GPUs: 1, PricePerGPU: 1},
		{Name: "dear", CapacityType: OnDemand, GPUs: 1, PricePerGPU: 4},
		{Name: "cheap", CapacityType: OnDemand, GPUs: 1, PricePerGPU: 2},
		{Name: "fast", CapacityType: OnDemand, GPUs: 1, PricePerGPU: 4, Capacity: Capacity{OutputTokens: 12800}},
	}}
	var got []string
	order := make([]int, len(m.Variants))
	rank(&m, order)
	for _, i := range order {
		got = append(got, m.Variants[i].Name)
	}
	want := []string{"fast", "cheap", "dear", "spot"}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("preference is %v, want %v", got, want)
		}
	}
}
