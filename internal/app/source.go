package app

import (
	"fmt"
	"maps"
	"os"
	"slices"

	promconfig "github.com/prometheus/common/config"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
)

// Credentials are what the command line adds to --prometheus.
type Credentials struct {
	Headers         map[string]string // treated as secrets
	BearerTokenFile string            // read again when it changes
	Tenant          string            // sent as X-Scope-OrgID
}

// NewSource is the server that the command line names.
func NewSource(url string, c Credentials) (config.Source, error) {
	src, err := config.NewSource(config.DefaultSource, url)
	if err != nil {
		return src, err
	}
	for name, value := range c.Headers {
		src.HTTP.Client.HTTPHeaders = withHeader(src.HTTP.Client.HTTPHeaders, name, value)
	}
	if c.BearerTokenFile != "" {
		if _, err := os.Stat(c.BearerTokenFile); err != nil {
			return src, fmt.Errorf("read the bearer token: %w", err)
		}
		src.HTTP.Client.Authorization = &promconfig.Authorization{Type: "Bearer", CredentialsFile: c.BearerTokenFile}
	}
	if c.Tenant != "" {
		src.Tenant = &config.Tenant{Header: config.DefaultTenantHeader, Value: c.Tenant}
	}
	if err := src.HTTP.Client.Validate(); err != nil {
		return src, fmt.Errorf("use the credentials for %s: %w", src.URL, err)
	}
	return src, nil
}

// withSource is a configuration that reads from the command line's server. It
// takes the place of the file's only source, or of the one called default: a
// laptop reaches the same server by another way.
func withSource(cfg *config.Config, s *config.Source) (*config.Config, error) {
	if s == nil {
		return cfg, nil
	}
	out := *cfg
	out.Sources = slices.Clone(cfg.Sources)
	at := slices.IndexFunc(out.Sources, func(have config.Source) bool { return have.Name == config.DefaultSource })
	switch {
	case len(out.Sources) == 0:
		out.Sources = []config.Source{*s}
		return &out, nil
	case len(out.Sources) == 1:
		at = 0
	case at < 0:
		return nil, fmt.Errorf("--prometheus %s: the file has %d sources and none is called %s; "+
			"change the url in the file instead", s.URL, len(out.Sources), config.DefaultSource)
	}
	named := *s
	named.Name, named.Labels = out.Sources[at].Name, out.Sources[at].Labels
	out.Sources[at] = named
	return &out, nil
}

// SourceOptions translate a configured source.
func SourceOptions(s config.Source) signals.SourceOptions {
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
		o.HTTP.HTTPHeaders = withHeader(o.HTTP.HTTPHeaders, s.Tenant.Header, s.Tenant.Value)
	}
	return o
}

// withHeader is a copy of headers with one more.
func withHeader(h *promconfig.Headers, name, value string) *promconfig.Headers {
	out := &promconfig.Headers{Headers: map[string]promconfig.Header{}}
	if h != nil {
		maps.Copy(out.Headers, h.Headers)
	}
	out.Headers[name] = promconfig.Header{Secrets: []promconfig.Secret{promconfig.Secret(value)}}
	return out
}
