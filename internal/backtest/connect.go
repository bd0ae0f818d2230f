package backtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	promconfig "github.com/prometheus/common/config"

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
		c, err := signals.NewClient(sourceOptions(s))
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

func sourceOptions(s config.Source) signals.SourceOptions {
	o := signals.DefaultSourceOptions(s.Name, s.URL)
	o.QueryParameters = s.QueryParameters
	o.Timeout, o.MaxResponseBytes, o.MaxSeries = s.Timeout.Std(), *s.MaxResponseBytes, *s.MaxSeries
	if s.HTTP != nil {
		o.HTTP = s.HTTP.Client
	}
	if s.SigV4 != nil {
		o.SigV4 = &s.SigV4.Config
	}
	if s.Tenant != nil {
		headers := map[string]promconfig.Header{}
		if o.HTTP.HTTPHeaders != nil {
			maps.Copy(headers, o.HTTP.HTTPHeaders.Headers)
		}
		headers[s.Tenant.Header] = promconfig.Header{Secrets: []promconfig.Secret{promconfig.Secret(s.Tenant.Value)}}
		o.HTTP.HTTPHeaders = &promconfig.Headers{Headers: headers}
	}
	return o
}

// bindings say where the signals of the entries are.
func bindings(entries []config.Entry) []signals.Binding {
	out := make([]signals.Binding, 0, len(entries))
	for _, e := range entries {
		b := signals.Binding{
			Model: e.Model.ID, Source: e.Source, Engine: e.Engine, ModelName: e.ModelName,
			Labels: signals.Labels(e.Labels), Matchers: e.Matchers,
		}
		if e.Gateway != nil {
			b.Gateway = &signals.GatewayBinding{Preset: e.Gateway.Preset, Match: e.Gateway.Match}
		}
		for i, t := range e.Targets {
			b.Variants = append(b.Variants, signals.VariantBinding{
				Name: e.Model.Variants[i].Name, APIVersion: t.APIVersion, Kind: t.Kind, Target: t.Name,
			})
		}
		out = append(out, b)
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
