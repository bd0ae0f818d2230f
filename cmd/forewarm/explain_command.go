package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/app"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	recommendFlags
	replay string
}

func newExplain(s *streams) *cobra.Command {
	f := &explainFlags{}
	cmd := &cobra.Command{
		Use:   "explain namespace/model",
		Short: "Say how a model's decision came about, now or in the past",
		Long: "Reads a Prometheus as recommend does and prints the whole chain of one model: signals, forecast, every\n" +
			"rule as a sentence, result. With -o json it writes a decision record: everything that the decision was made\n" +
			"from. With --replay it reads such records (of -o json, or of serve --decision-log) and makes each decision again.",
		Example: "  forewarm explain llm/llama-3-70b --prometheus http://localhost:9090 --at -6h\n" +
			"  forewarm explain llm/llama-3-70b --config forewarm.yaml -o json > record.json\n" +
			"  forewarm explain --replay record.json",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), s, args) },
	}
	f.register(cmd)
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "table", "table, or json for a decision record")
	fl.StringVar(&f.at, "at", "", "as of a `time`: 2026-09-01T12:00:00Z, or -2h for two hours ago")
	fl.StringVar(&f.replay, "replay", "", "make the decisions of this `file` of records again; - reads stdin;\n"+
		"exit with 3 if one comes out differently")
	fl.DurationVar(&f.timeout, "timeout", 5*time.Minute, "give up after this long")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"},
		cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f *explainFlags) run(ctx context.Context, s *streams, args []string) error {
	if f.output != "table" && f.output != "json" {
		return usage("--output: want table or json, got %q", f.output)
	}
	switch {
	case f.replay != "" && len(args) > 0:
		return usage("--replay: want it without a model, a record says whose it is")
	case f.replay != "":
		return f.redo(s)
	case len(args) == 0:
		return usage("want a model as namespace/model, or --replay")
	}
	f.explain = args[0]
	return f.opened(ctx, s, func(a *app.App, r app.Report) error { return f.tell(s, a, r) })
}

// tell explains the model's decision, or prints its record.
func (f *explainFlags) tell(s *streams, a *app.App, r app.Report) error {
	m, err := pick(r, f.explain)
	if err != nil {
		return err
	}
	if f.output == "table" {
		return writeExplanation(s.out, r, m)
	}
	record, err := a.Record(m.Namespace, m.Name)
	if err != nil {
		return err
	}
	return writeJSON(s.out, record)
}

// redo makes decisions again and says which came out differently.
func (f *explainFlags) redo(s *streams) error {
	from := s.in
	if f.replay != "-" {
		file, err := os.Open(f.replay)
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("--replay: %w", err)}
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	records, different := 0, 0
	err := app.Replay(from, func(r app.Redo) error {
		if records++; len(r.Differences) > 0 {
			different++
		}
		return f.showRedo(s, r)
	})
	switch {
	case err != nil:
		return err
	case records == 0:
		return &exitError{exitNoData, errors.New("--replay: want at least one decision record, got none")}
	case different > 0:
		return &exitError{exitFindings, fmt.Errorf("%d of %d decisions come out differently", different, records)}
	}
	return nil
}

func (f *explainFlags) showRedo(s *streams, r app.Redo) error {
	if f.output == "json" {
		return json.NewEncoder(s.out).Encode(struct {
			At          time.Time `json:"at"`
			Model       string    `json:"model"`
			Identical   bool      `json:"identical"`
			Differences []string  `json:"differences"`
		}{r.Record.At, r.Record.Model.ID.String(), len(r.Differences) == 0, append([]string{}, r.Differences...)})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s as of %s: ", clean(r.Record.Model.ID.String()), r.Record.At.Format(time.RFC3339))
	if len(r.Differences) == 0 {
		b.WriteString("identical\n")
	} else {
		b.WriteString("different\n")
	}
	for _, d := range r.Differences {
		b.WriteString("  " + clean(d) + "\n")
	}
	for i, line := range app.Sentences(r.Record) {
		fmt.Fprintf(&b, "  %2d. %s\n", i+1, clean(line))
	}
	_, err := io.WriteString(s.out, b.String())
	return err
}
