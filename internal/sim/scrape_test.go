package sim

import (
	"testing"
	"time"
)

// TestScrapeIsTheExposition compares the numbers of a scrape with the text, sample by sample.
func TestScrapeIsTheExposition(t *testing.T) {
	f := world(t, DefaultFleet(), flat(3))
	f.Advance(f.Now().Add(17 * time.Minute))
	p := f.pods[0]
	got, err := p.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	text := podText(t, p)
	const inside = `model_name="Qwen/Qwen3-32B",engine="0"`
	const labels = "{" + inside + "}"
	done := 0.0
	for _, why := range reasonNames {
		done += text[`vllm:request_success_total{`+inside+`,finished_reason="`+why+`"}`]
	}
	for name, pair := range map[string][2]float64{
		"running":     {got.Running, text["vllm:num_requests_running"+labels]},
		"waiting":     {got.Waiting, text["vllm:num_requests_waiting"+labels]},
		"kv":          {got.KV, text["vllm:kv_cache_usage_perc"+labels]},
		"completions": {got.Completions, done},
		"prompt":      {got.PromptTokens, text["vllm:prompt_tokens_total"+labels]},
		"output":      {got.OutputTokens, text["vllm:generation_tokens_total"+labels]},
		"hits":        {got.PrefixHits, text["vllm:prefix_cache_hits_total"+labels]},
		"ttft at 1 s": {got.TTFT[11], text[`vllm:time_to_first_token_seconds_bucket{`+inside+`,le="1.0"}`]},
		"ttft count":  {got.TTFT[22], text["vllm:time_to_first_token_seconds_count"+labels]},
		"itl count":   {got.ITL[19], text["vllm:inter_token_latency_seconds_count"+labels]},
	} {
		if pair[0] != pair[1] || (pair[0] == 0 && name != "hits") {
			t.Errorf("%s: scrape %g, text %g", name, pair[0], pair[1])
		}
	}
	f.Scale(2)
	if _, err := f.pods[1].Scrape(); err == nil {
		t.Error("a starting pod answers a scrape")
	}
	ordered, placed, ready := f.Moments(f.pods[1])
	if !ordered.Equal(f.Now()) || !placed.Equal(f.Now()) || !ready.IsZero() {
		t.Errorf("got %s, %s, %s", ordered, placed, ready)
	}
}
