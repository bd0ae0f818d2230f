package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/forewarm/forewarm/internal/app"
)

// logFlags are the flags of the decision log.
type logFlags struct {
	s    *streams
	file string
}

func (f *logFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.file, "decision-log", "", "append a decision record per change to this `file` as JSON lines, - for\n"+
		"stdout; see forewarm explain --replay")
}

func (f *logFlags) check() []error { return nil }

func (f *logFlags) output(*connectFlags) (app.NewOutput, error) {
	var w io.Writer
	switch f.file {
	case "":
		return nil, nil //nolint:nilnil // off
	case "-":
		w = f.s.out
	default:
		file, err := os.OpenFile(f.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) // open until the process ends
		if err != nil {
			return nil, fmt.Errorf("--decision-log: %w", err)
		}
		w = file
	}
	return app.NewDecisionLog(w), nil
}
