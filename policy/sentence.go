package policy

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// sentences says what each code means to a tired person: one sentence with
// numbers and units. From, To and Args are those of the step.
var sentences = map[WhyCode]func(s Step) string{
	"hold-no-arrivals": func(Step) string {
		return "Arrivals are unknown, so the count may rise but not fall."
	},
	"hold-partial": func(Step) string {
		return "Part of the data is missing, so the count may rise but not fall."
	},
	"hold-no-supply": func(s Step) string {
		return fmt.Sprintf("The replicas of %s are unknown, so its count may rise but not fall.", named(s))
	},
	"hold-last": func(s Step) string {
		return fmt.Sprintf("Keeping the last decision of %s instead of %s until the inputs are whole again.",
			replicas(s.To), replicas(s.From))
	},
	"hold-granted": func(s Step) string {
		return fmt.Sprintf("The GPU budget grants fewer, but inputs are not whole, so %s keeps %s.",
			named(s), replicas(s.To))
	},
	"keep-asked": func(s Step) string {
		return fmt.Sprintf("%s of %s were asked for %s ago and are not yet seen in the cluster, so they are not taken back.",
			replicas(s.To), named(s), seconds(s.Args[0]))
	},
	"no-answer": func(Step) string {
		return "Neither the replicas in the cluster nor an earlier decision is known, so there is no answer."
	},
	"capacity-configured": func(s Step) string { return capacitySentence(s, "as configured") },
	"capacity-learned":    func(s Step) string { return capacitySentence(s, "as measured on this fleet") },
	"capacity-prior":      func(s Step) string { return capacitySentence(s, "a prior, not yet measured") },
	"capacity-in-flight": func(s Step) string {
		return fmt.Sprintf("One replica of %s carries %s req/s: %s requests in flight (as configured), each in service for %s.",
			named(s), number(s.Args[0]), number(s.Args[1]), seconds(s.Args[2]))
	},
	"capacity-unbound": func(s Step) string {
		return fmt.Sprintf("What is configured for %s (%s a replica) cannot be compared with what is known of requests, "+
			"so it is planned as if nothing were.", named(s), capacityText(s))
	},
	"arrivals-unknown": func(Step) string {
		return "How much work arrives is unknown."
	},
	"arrivals-gateway":     func(s Step) string { return workSentence(s, "counted at the gateway") },
	"arrivals-completions": func(s Step) string { return workSentence(s, "from completions and requests in flight") },
	"retries": func(s Step) string {
		return fmt.Sprintf("Errors and 429s rose to %s req/s, and clients try again: of %s req/s, %s are learned as demand.",
			number(s.Args[1]), number(s.Args[0]), number(s.Args[2]))
	},
	"forecast-none": func(Step) string {
		return "There is no forecast yet, so only the present counts."
	},
	"forecast-rise": func(s Step) string {
		return fmt.Sprintf("Arrivals are at %s req/s and expected to rise to %s within %s, earlier days considered.",
			number(s.Args[0]), number(s.Args[1]), seconds(s.Args[2]))
	},
	"forecast-event": func(s Step) string {
		return fmt.Sprintf("A configured event multiplies arrivals by %s: %s req/s are expected within %s.",
			number(s.Args[0]), number(s.Args[1]), seconds(s.Args[2]))
	},
	"forecast-overshoot": func(s Step) string {
		kind := "large and brief"
		if s.Args[2] < s.Args[3] {
			kind = "small, or lasts"
		}
		return fmt.Sprintf("What exceeds the forecast here is %s (overshoot %s, usually %s), so %s %% of cases are covered, not %s %%.",
			kind, number(s.Args[2]), number(s.Args[3]), percent(s.Args[0]), percent(s.Args[1]))
	},
	"forecast-peak": func(s Step) string {
		if s.Args[3] == 0 {
			return fmt.Sprintf("Arrivals are expected to stay under %s req/s for %s, until help ordered now is warm "+
				"(a guess: no forecast errors were measured yet).", number(s.Args[0]), seconds(s.Args[1]))
		}
		return fmt.Sprintf("Within %s, when help ordered now is warm, arrivals stay under %s req/s in %s %% of cases.",
			seconds(s.Args[1]), number(s.Args[0]), percent(s.Args[2]))
	},
	"burst": func(s Step) string {
		return fmt.Sprintf("Requests in the system went from %s to %s within %s, as %s req/s would make them: a burst.",
			number(s.Args[0]), number(s.Args[1]), seconds(s.Args[2]), number(s.Args[3]))
	},
	"backlog": func(s Step) string {
		return fmt.Sprintf("Requests waiting now: %s; still waiting in %s, when help is warm: %s, to be drained another %s later.",
			number(s.Args[0]), seconds(s.Args[2]), number(s.Args[1]), seconds(s.Args[3]))
	},
	"floor-room": func(s Step) string {
		return fmt.Sprintf("Requests in flight fill the KV cache or the concurrency of %s replicas, so %s goes from %s to %s.",
			number(s.Args[0]), named(s), count(s.From), replicas(s.To))
	},
	"floor-running": func(s Step) string {
		return fmt.Sprintf("%s requests run, each for %s, as %s req/s would bring: more than was counted or forecast.",
			number(s.Args[0]), seconds(s.Args[1]), number(s.Args[2]))
	},
	"spot-split": func(s Step) string {
		return fmt.Sprintf("Spot is cheaper: %s, with %s more against losses, cost about $%s an hour instead of $%s on demand.",
			replicas(s.Args[0]), count(s.Args[1]), number(s.Args[2]), number(s.Args[3]))
	},
	"spot-dear": func(s Step) string {
		return fmt.Sprintf("Spot is not cheaper: what %s do would cost about $%s an hour with it, $%s without.",
			replicas(s.Args[2]), number(s.Args[0]), number(s.Args[1]))
	},
	"spot-share": func(s Step) string {
		return fmt.Sprintf("%s is asked for %s of a fleet of %s.", named(s), replicas(s.To), count(s.Args[0]))
	},
	"spot-firm": func(s Step) string {
		return fmt.Sprintf("Of %s on spot, %s are ready and %s have no node, so %s goes from %s to %s.",
			replicas(s.Args[2]), count(s.Args[1]), count(s.Args[3]), named(s), count(s.From), replicas(s.To))
	},
	"spot-hold": func(s Step) string {
		return fmt.Sprintf("Of %s ready on spot, %s have been so for %s, after which what stood in for them is released.",
			replicas(s.Args[0]), count(s.Args[1]), seconds(s.Args[2]))
	},
	"grow": func(s Step) string {
		return fmt.Sprintf("To carry %s, %s needs %s.", demand(s.Args[1], s.Args[0]), named(s), replicas(s.To))
	},
	"grow-ahead": func(s Step) string {
		return fmt.Sprintf("Ahead of a rise: %s req/s arrive, %s are expected within %s; to carry up to %s, %s needs %s.",
			number(s.Args[0]), number(s.Args[1]), seconds(s.Args[2]), number(s.Args[3]), named(s), replicas(s.To))
	},
	"short": func(s Step) string {
		return fmt.Sprintf("Every variant is at its maximum or starved: %s %% of the work has no replica.",
			number(100*s.Args[0]))
	},
	"keep-loading": func(s Step) string {
		return fmt.Sprintf("Replicas are still loading (%s, the youngest for %s), so nothing is released yet.",
			number(s.Args[0]), seconds(s.Args[1]))
	},
	"keep-slo-missed": func(s Step) string {
		return fmt.Sprintf("p95 TTFT is %s, above the promised %s, so nothing is released.",
			seconds(s.Args[0]), seconds(s.Args[1]))
	},
	"keep-queue": func(s Step) string {
		return fmt.Sprintf("Requests wait (%s, beside %s running), so nothing is released.",
			number(s.Args[0]), number(s.Args[1]))
	},
	"keep-cache": func(s Step) string {
		return fmt.Sprintf("With %s the prefix caches would answer about %s %% of prompt tokens instead of %s %%, and %s "+
			"prompt tokens/s would be too many, so no more is released.",
			replicas(s.Args[0]), number(100*s.Args[2]), number(100*s.Args[1]), number(s.Args[3]))
	},
	"keep-just-started": func(s Step) string {
		return fmt.Sprintf("The model has been watched for only %s, so nothing is released yet.", seconds(s.Args[0]))
	},
	"release": func(s Step) string {
		return fmt.Sprintf("Whatever was forecast lately, %s req/s cover the next %s, so %s goes from %s to %s.",
			number(s.Args[0]), seconds(s.Args[1]), named(s), count(s.From), replicas(s.To))
	},
	"zero": func(s Step) string {
		return fmt.Sprintf("Every source has shown no work for %s, so %s sleeps.", seconds(s.Args[0]), named(s))
	},
	"keep-one": func(s Step) string {
		return fmt.Sprintf("Zero is not proven or not allowed, so %s keeps one replica.", named(s))
	},
	"keep-expected": func(s Step) string {
		return fmt.Sprintf("No work for %s, but %s req/s are expected within %s, so %s stays awake.",
			seconds(s.Args[0]), number(s.Args[1]), seconds(s.Args[2]), named(s))
	},
	"stay-zero": func(s Step) string {
		return fmt.Sprintf("No work for %s: the model stays at zero.", seconds(s.Args[0]))
	},
	"stay-blind": func(Step) string {
		return "At zero and no demand source answers: staying at zero (idle.onBlind: hold)."
	},
	"wake-work": func(s Step) string {
		return fmt.Sprintf("Work arrived at zero replicas (%s waiting, %s req/s): waking %s.",
			number(s.Args[0]), number(s.Args[1]), named(s))
	},
	"policy-panic": func(Step) string {
		return "A rule failed (a defect of Forewarm), so the model holds what it has."
	},
	"wake-blind": func(s Step) string {
		return fmt.Sprintf("At zero and no demand source answers: waking %s (idle.onBlind: one).", named(s))
	},
	"starved-node": func(s Step) string {
		return fmt.Sprintf("Starved: of %s asked for, %s of %s have waited for a node for too long and carry nothing.",
			replicas(s.Args[1]), count(s.Args[0]), named(s))
	},
	"starved-pod": func(s Step) string {
		return fmt.Sprintf("Starved: of %s asked for, %s of %s have been given no pod for %s, as a quota or an admission "+
			"rule may forbid it.", replicas(s.Args[1]), count(s.Args[0]), named(s), seconds(s.Args[2]))
	},
	"limit-min": func(s Step) string {
		return fmt.Sprintf("%s is raised from %s to its minimum of %s.", named(s), count(s.From), replicas(s.To))
	},
	"limit-max": func(s Step) string {
		return fmt.Sprintf("%s is cut from %s to its maximum of %s.", named(s), count(s.From), replicas(s.To))
	},
	"limit-step": func(s Step) string {
		return fmt.Sprintf("%s is cut from %s to %s: at most %s more at a time.", named(s), count(s.From), replicas(s.To),
			number(s.Args[0]))
	},
	"limit-band": func(s Step) string {
		return fmt.Sprintf("The autoscaler ignores changes within %s %% of %s, so %s is published as %s.",
			number(100*s.Args[0]), replicas(s.Args[1]), count(s.From), count(s.To))
	},
	"budget": func(s Step) string {
		return fmt.Sprintf("The GPU budget grants %s of the %s wanted (GPUs each: %s; priority: %s).",
			count(s.To), count(s.From), number(s.Args[0]), number(s.Args[1]))
	},
}

// named is the variant that a step speaks of.
func named(s Step) string {
	if s.Variant.Variant == "" {
		return "the fleet"
	}
	return s.Variant.Variant
}

// Sentence renders a step as one English sentence.
func Sentence(s Step) string {
	if render, ok := sentences[s.Why]; ok {
		return render(s)
	}
	return fmt.Sprintf("%s: from %s to %s (%s).", s.Rule, number(s.From), number(s.To), s.Why)
}

// quiet are the codes that inform without moving a count.
var quiet = map[WhyCode]bool{
	"capacity-configured": true, "capacity-learned": true, "capacity-prior": true,
	"capacity-in-flight": true, "capacity-unbound": true,
	"floor-running": true, "arrivals-gateway": true, "arrivals-completions": true, "arrivals-unknown": true, "retries": true, "forecast-peak": true, "forecast-none": true,
	"forecast-overshoot": true,
}

// Reason is the step that says most about why a decision is what it is: the last
// one that moved the count, else the last that is more than information, else
// that the present replicas fit.
func Reason(d Decision) (Step, bool) {
	for i := len(d.Steps) - 1; i >= 0; i-- {
		if s := d.Steps[i]; s.From != s.To && s.Variant == d.ID {
			return s, true
		}
	}
	for i := len(d.Steps) - 1; i >= 0; i-- {
		if !quiet[d.Steps[i].Why] {
			return d.Steps[i], true
		}
	}
	return Step{}, false
}

func capacitySentence(s Step, source string) string {
	return fmt.Sprintf("One replica of %s carries %s (%s).", named(s), capacityText(s), source)
}

func capacityText(s Step) string {
	c := Capacity{OutputTokens: s.Args[0], PromptTokens: s.Args[1], Requests: s.Args[2], Concurrency: s.Args[3]}
	text := ""
	for _, p := range []struct {
		v    float64
		unit string
	}{{c.OutputTokens, "output tokens/s"}, {c.PromptTokens, "prompt tokens/s"}, {c.Requests, "req/s"}, {c.Concurrency, "requests in flight"}} {
		if p.v <= 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += number(p.v) + " " + p.unit
	}
	return text
}

func workSentence(s Step, source string) string {
	if s.Args[1] <= 0 {
		return fmt.Sprintf("%s req/s arrive, %s, %s ago.", number(s.Args[0]), source, seconds(s.Args[3]))
	}
	return fmt.Sprintf("%s req/s arrive, %s, %s ago: %s output and %s prompt tokens/s.",
		number(s.Args[0]), source, seconds(s.Args[3]), number(s.Args[1]), number(s.Args[2]))
}

// percent is a share in percent, to a tenth.
func percent(share float64) string { return number(math.Round(1000*share) / 10) }

// number prints three significant digits at least, without exponent below 1e7.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e7:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case a == 0 || a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 1:
		return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

func count(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }

// demand prints a rate of requests, and of output tokens where they are known.
func demand(requests, tokens float64) string {
	if tokens <= 0 {
		return number(requests) + " req/s"
	}
	return number(requests) + " req/s (" + number(tokens) + " output tokens/s)"
}

func replicas(v float64) string {
	if v == 1 {
		return "1 replica"
	}
	return count(v) + " replicas"
}

func seconds(v float64) string {
	d := time.Duration(v * float64(time.Second))
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return trimZero(d.Round(time.Second).String())
	}
	return trimZero(d.Round(time.Minute).String())
}

// trimZero drops a trailing zero unit: 5m0s is 5m, 1h0m0s is 1h.
func trimZero(s string) string {
	for _, tail := range []string{"0s", "0m"} {
		if n := len(s) - len(tail); n > 0 && s[n:] == tail && (s[n-1] == 'm' || s[n-1] == 'h') {
			s = s[:n]
		}
	}
	return s
}
