package demo

import (
	"fmt"
	"io"
)

// banner says what is about to be seen, in lines of at most 79 characters.
func banner(seed uint64, speed float64) []string {
	f := scene{seed: seed}.fleet()
	return []string{
		"Forewarm demo: the product scales a simulated vLLM fleet, beside a plain HPA on",
		"the same requests. Nothing is downloaded and nothing leaves this machine.",
		fmt.Sprintf("  Model    %s, %d GPUs a replica at $%.2f per GPU-hour;", f.Model, f.GPUs, f.GPUHourUSD),
		fmt.Sprintf("           a new replica needs about %.0f s until its first token", f.WarmUp.Mean.Seconds()),
		fmt.Sprintf("  Promise  first token (TTFT) within %s for %.0f %% of requests", promise, 100*attainment),
		fmt.Sprintf("  HPA      keeps %d requests running or waiting per replica: the cheapest", hpaTarget),
		"           target that kept the promise on other days; default behavior",
		fmt.Sprintf("  Time     virtual, %s; seed %d", pace(speed), seed),
	}
}

// pace says how fast time passes.
func pace(speed float64) string {
	switch {
	case speed <= 0:
		return "as fast as this machine allows"
	case speed >= 60:
		return fmt.Sprintf("%.3g h pass in a minute", speed/60)
	}
	return fmt.Sprintf("%.3g s pass in a second", speed)
}

// newView is a screen on a terminal, else lines of text.
func newView(opts Options, out io.Writer) view {
	if !opts.Plain {
		if size, ok := terminal(out); ok {
			return &screen{out: out, size: size, paint: paint(opts.Colour)}
		}
	}
	return &plain{out: out}
}
