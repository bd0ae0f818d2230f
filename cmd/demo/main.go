// Command demo shows Forewarm at work on one machine: a simulated vLLM fleet on
// virtual time, the real product reading it over loopback, and a plain HPA beside
// it on the same requests.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes, as those of forewarm.
const (
	exitFailed = 1 // something went wrong
	exitUsage  = 2 // the command line is wrong
)

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	started := false // flags and arguments were fine
	cmd := command(&started)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintln(stderr, "demo:", strings.TrimPrefix(err.Error(), "demo: "))
	if started {
		return exitFailed
	}
	return exitUsage
}

func command(started *bool) *cobra.Command {
	opts := demo.DefaultOptions()
	cmd := &cobra.Command{
		Use:           "demo",
		Short:         "Forewarm beside a plain HPA, on a simulated vLLM fleet and virtual time",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		PreRunE: func(*cobra.Command, []string) error {
			if opts.For < 0 || opts.Span < 0 {
				return fmt.Errorf("want --for and --span of at least 0, got %s and %s", opts.For, opts.Span)
			}
			*started = true
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("span") && !cmd.Flags().Changed("for") {
				opts.For = 0
			}
			dumb := os.Getenv("TERM") == "dumb"
			opts.Plain = opts.Plain || dumb
			opts.Colour = os.Getenv("NO_COLOR") == ""
			_, err := demo.Run(cmd.Context(), opts, cmd.OutOrStdout())
			return err
		},
	}
	f := cmd.Flags()
	f.DurationVar(&opts.For, "for", opts.For, "real time of the live part; 0 means until Ctrl-C")
	f.DurationVar(&opts.Span, "span", opts.Span, "virtual time of the live part, instead of --for")
	f.Var((*speed)(&opts.Speed), "speed", "virtual seconds per real second, or max")
	f.Uint64Var(&opts.Seed, "seed", opts.Seed, "of the requests and warm-ups; the same seed and span give the same result")
	f.BoolVar(&opts.Plain, "plain", opts.Plain, "lines of text even on a terminal")
	return cmd
}

// speed is a flag: a number, or max for as fast as possible (0).
type speed float64

// String is the flag's value.
func (s *speed) String() string {
	if *s == 0 {
		return "max"
	}
	return strconv.FormatFloat(float64(*s), 'g', -1, 64)
}

// Set parses the flag's value.
func (s *speed) Set(text string) error {
	if text == "max" {
		*s = 0
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0 && v <= 1e9) {
		return fmt.Errorf("want a number above 0, or max, got %q", text)
	}
	*s = speed(v)
	return nil
}

// Type names the flag's value in the help text.
func (*speed) Type() string { return "number" }
