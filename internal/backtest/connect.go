package backtest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
)

// connect makes a client per source that the entries read from.
func connect(reg *config.Registry, entries []config.Entry) ([]*signals.Client, error) {
	var clients []*signals.Client
	var errs []error
	for _, s := range reg.Sources {
		if !slices.ContainsFunc(entries, func(e config.Entry) bool { return e.Source == s.Name }) {
			continue
		}
		c, err := signals.NewClient(app.SourceOptions(s))
		if err != nil {
			errs = append(errs, fmt.Errorf("connect to source %s: %w", s.Name, err))
			continue
		}
		clients = append(clients, c)
	}
	if len(clients) == 0 {
		return nil, errors.Join(append(errs, errors.New("no source can be read"))...)
	}
	return clients, nil
}

// bindings say where the signals of the entries are.
func bindings(entries []config.Entry) []signals.Binding {
	out := make([]signals.Binding, 0, len(entries))
	for _, e := range entries {
		out = append(out, app.BindingOf(e))
	}
	return out
}

// chosen are the entries that pass the filters: namespaces, and names as name, namespace/name or model id.
func chosen(entries []config.Entry, namespaces, models []string) []config.Entry {
	var out []config.Entry
	for _, e := range entries {
		id := e.Model.ID
		if len(namespaces) > 0 && !slices.Contains(namespaces, id.Namespace) {
			continue
		}
		if len(models) > 0 && !slices.ContainsFunc(models, func(want string) bool {
			return want == id.Name || want == id.String() || (want == e.ModelName && want != "")
		}) {
			continue
		}
		out = append(out, e)
	}
	return out
}
