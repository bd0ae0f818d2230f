package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// The exit codes; documented in docs/cli.md.
const (
	exitOK       = 0
	exitFailed   = 1 // something went wrong
	exitUsage    = 2 // the command line is wrong
	exitFindings = 3 // --fail-on found something, or config check did
	exitNoData   = 4 // no model was found, or no row has an answer
)

// exitError carries an exit code. An error that was already shown has no text.
type exitError struct {
	code int
	err  error
}

// Error is the text of the cause; empty if it was already shown.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap is the cause.
func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	started := false // flags and arguments were fine
	root := newRoot(&streams{in: stdin, out: stdout, err: stderr}, &started)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(err, started)
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(stderr, "forewarm:", cleanLines(text))
	}
	if code == exitUsage {
		_, _ = fmt.Fprintln(stderr, "Run 'forewarm help' or add --help to the command.")
	}
	return code
}

// exitCode is the exit code of an error; what fails before a command starts
// is its command line.
func exitCode(err error, started bool) int {
	var e *exitError
	switch {
	case errors.As(err, &e):
		return e.code
	case !started:
		return exitUsage
	}
	return exitFailed
}

func newRoot(s *streams, started *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "forewarm",
		Short: "Keeps LLM capacity warm before the demand arrives",
		Long: "Forewarm reads what LLM inference engines export to Prometheus and says how many replicas each model\n" +
			"needs, ahead of demand by the time a replica takes to warm up, and why. It writes nothing to the cluster.",
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(*cobra.Command, []string) { *started = true },
	}
	root.AddCommand(newRecommend(s), newExplain(s), newBacktest(s), newServe(s), newSimulate(s), newLint(s), newConfig(s),
		newConvert(s), newCerts(s), newVersion(s))
	return root
}
