package backtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/signals"
)

// ErrNoHistory says that no model has a history that could be scored.
var ErrNoHistory = errors.New("no usable history")

// Settings say what to compare. See DefaultSettings.
type Settings struct {
	Range     time.Duration
	Step      time.Duration // resolution of reading; 0 = by the range, see StepFor
	BurnIn    time.Duration // driven through at the beginning, and not scored
	HPATarget float64       // requests/s per replica as a share of its capacity
	KEDAQueue float64       // waiting requests per replica
	KEDAKV    float64       // KV-cache use per replica, 0..1
	// Theirs are the autoscalers that the cluster has: each runs beside the others on the models whose targets it scales.
	Theirs   []Autoscaler
	Points   int // of each timeline, for charts; 0 keeps none
	Progress func(what string, done, total time.Duration)
}

// DefaultSettings look two weeks back. HPA at 70 % is a usual utilisation target; five waiting requests are
// the threshold of the vLLM production-stack's ScaledObject, 0.8 that of llm-d WVA's saturation analyzer.
func DefaultSettings() Settings {
	return Settings{Range: 14 * 24 * time.Hour, HPATarget: 0.7, KEDAQueue: 5, KEDAKV: 0.8}
}

// Steps are the resolutions that can be read; all divide the rate window.
var Steps = []time.Duration{15 * time.Second, 30 * time.Second, time.Minute}

// StepFor is the resolution for a range: the finest with at most some 25,000 moments.
func StepFor(span time.Duration) time.Duration {
	for _, s := range Steps {
		if span/s <= 25_000 {
			return s
		}
	}
	return Steps[len(Steps)-1]
}

// Check reports everything that is wrong with the settings.
func (s Settings) Check() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
	bad(s.Range >= time.Hour, "range: want at least 1h, got %s", s.Range)
	bad(s.Step == 0 || slices.Contains(Steps, s.Step), "step: want one of %v, got %s", Steps, s.Step)
	bad(s.BurnIn >= 0 && s.BurnIn < s.Range, "burn-in: want at least 0 and less than the range (%s), got %s",
		s.Range, s.BurnIn)
	bad(positive(s.HPATarget) && s.HPATarget <= 1, "hpa-target: want (0, 1], got %g", s.HPATarget)
	bad(positive(s.KEDAQueue), "keda-queue: want above 0, got %g", s.KEDAQueue)
	bad(positive(s.KEDAKV) && s.KEDAKV <= 1, "keda-kv: want (0, 1], got %g", s.KEDAKV)
	return errors.Join(errs...)
}

// Run reads the history up to a moment and scores everybody on it. Without any usable history the report comes
// with ErrNoHistory.
func Run(ctx context.Context, opts app.Options, s Settings, at time.Time) (Report, error) {
	if err := s.Check(); err != nil {
		return Report{}, err
	}
	if s.Step == 0 {
		s.Step = StepFor(s.Range)
	}
	to := engine.Align(at, s.Step)
	out := Report{
		APIVersion: ReportVersion, Kind: ReportKind, From: to.Add(-s.Range), To: to, Step: s.Step.Seconds(),
		BurnIn: s.BurnIn.Seconds(), Models: []ModelReport{},
	}
	a, err := app.Open(ctx, opts, at)
	if err != nil {
		return out, err
	}
	defer a.Close()
	about := a.Report()
	out.Sources, out.Faults = about.Sources, append([]app.Fault{}, about.Faults...)
	out.Notes = append([]string{}, about.Assumptions...)
	entries := chosen(a.Registry().Entries, opts.Namespaces, opts.Models)
	if len(entries) == 0 {
		return out, fmt.Errorf("%w: no model passes --namespace and --model", ErrNoHistory)
	}
	histories, err := read(ctx, a.Registry(), entries, opts.Budget, s, &out)
	if err != nil {
		return out, err
	}
	for i, h := range histories {
		s.progress("simulating", time.Duration(i), time.Duration(len(histories)))
		m, err := evaluate(ctx, h, s, entries[i])
		if err != nil && ctx.Err() != nil {
			return out, err
		}
		if err != nil { // the other models are not to blame
			m.Policies = nil
			out.Faults = append(out.Faults, app.Fault{Code: "not-simulated", Object: h.Model.ID.String(), Text: err.Error()})
		}
		out.Models = append(out.Models, m)
	}
	out.Notes = append(out.Notes, standing(s)...)
	if out.Usable() == 0 {
		return out, fmt.Errorf("%w between %s and %s", ErrNoHistory, out.From.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return out, nil
}

func (s Settings) progress(what string, done, total time.Duration) {
	if s.Progress != nil {
		s.Progress(what, done, total)
	}
}

// standing are the notes of every report.
func standing(s Settings) []string {
	return []string{
		"Misses are the share of requests that came in moments of demand above ready capacity. They are computed from " +
			"capacity, for the fleet as for the simulated policies; they are not latencies that were measured.",
		fmt.Sprintf("Demand is what the sources tell: means over %s, read every %s. What clients gave up on or never sent "+
			"because the fleet was slow is not in it, and shorter peaks are smoothed.",
			config.Duration(signals.DefaultOptions().RateWindow), config.Duration(s.Step)),
		fmt.Sprintf("The rows hpa, keda-queue and keda-kv run with the settings given here (target %g, %g waiting requests, "+
			"KV-cache use %g) and know the true capacity of a replica. Rows called yours have the settings of your own objects, "+
			"as given with --kubeconfig or --autoscalers.", s.HPATarget, s.KEDAQueue, s.KEDAKV),
		"KEDA's queue trigger wants the minimum whenever the queue is empty, whatever the load. Queue and KV-cache use " +
			"come from a simple model of a replica (KV-cache use 0.8 at capacity; service time as seen, else 19 s), so KEDA's " +
			"rows are the least certain ones.",
	}
}

// read folds the history of the entries, chunk by chunk.
func read(
	ctx context.Context, reg *config.Registry, entries []config.Entry, budget time.Duration, s Settings, out *Report,
) ([]*History, error) {
	clients, err := connect(reg, entries)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, c := range clients {
			c.Close()
		}
	}()
	o := signals.DefaultOptions()
	o.MaxAge = reg.MaxAge
	r := signals.NewReader(clients, bindings(entries), o)
	reach, err := r.Reach(ctx, out.From, out.To, budget, engine.SystemClock{}.Now)
	if err != nil {
		return nil, fmt.Errorf("measure the history: %w", err)
	}
	out.Notes = append(out.Notes, reach.Texts...)
	// Reach finds the beginning at a resolution of the range: a little more is read, or the first hours would miss.
	begin := engine.Align(reach.From.Add(-s.Range/100), s.Step)
	if begin.Before(out.From) {
		begin = out.From
	}
	out.ReadFrom = begin
	recorders := make([]*recorder, len(entries))
	for i, e := range entries {
		recorders[i] = newRecorder(e.Model, begin, s.Step)
	}
	if err := fold(ctx, r, recorders, reach.Chunk, s, out); err != nil {
		return nil, err
	}
	histories := make([]*History, len(recorders))
	for i, rec := range recorders {
		histories[i] = rec.finish(rateLag(o.RateWindow))
	}
	return histories, nil
}

// fold goes through the history in loads of a chunk. A chunk that cannot be loaded is a gap, and a fault.
func fold(
	ctx context.Context, src engine.Source, recorders []*recorder, chunk time.Duration, s Settings, out *Report,
) error {
	chunk = max(chunk.Truncate(s.Step), s.Step)
	var first error
	for from := out.ReadFrom; from.Before(out.To); from = from.Add(chunk) {
		to := from.Add(chunk)
		if to.After(out.To) {
			to = out.To
		}
		s.progress("reading", from.Sub(out.ReadFrom), out.To.Sub(out.ReadFrom))
		err := src.Load(ctx, from.Add(-s.Step), to.Add(-s.Step))
		if ctx.Err() != nil {
			return fmt.Errorf("read the history: %w", ctx.Err())
		}
		if err != nil && first == nil {
			first = err
			out.Faults = append(out.Faults, app.Fault{
				Code: "history-incomplete", Text: "part of the history could not be read and is a gap: " + err.Error(),
			})
		}
		for at := from; at.Before(to); at = at.Add(s.Step) {
			record(recorders, src, at, err == nil)
		}
	}
	return nil
}

// record books one moment for every model.
func record(recorders []*recorder, src engine.Source, at time.Time, loaded bool) {
	if !loaded {
		for _, r := range recorders {
			r.skip()
		}
		return
	}
	for i, in := range src.At(at) { // both are sorted by model
		recorders[i].add(in)
	}
}
