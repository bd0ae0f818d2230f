package config

import (
	"math"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Bounds that catch slips of the unit.
const (
	minInterval = time.Second
	maxInterval = 10 * time.Minute
	maxHistory  = 90 * 24 * time.Hour
	maxTTFT     = 10 * time.Minute
	maxWarmUp   = 24 * time.Hour
	maxEvent    = 7 * 24 * time.Hour
	maxReplicas = 10_000
	maxGPUs     = 4096
	maxHazard   = 60 // losses per hour: one a minute

	maxMultiplier = 100 // of demand during an event
)

// Catalog names the presets that exist. The caller brings them, because presets
// are no business of this package.
type Catalog struct {
	Engines  []string
	Gateways []string
	// Tenancy are the labels by which series of gateways belong to a namespace. Whoever
	// may choose their values reads what others are asked.
	Tenancy []string
}

// checker checks a configuration whose defaults are filled in.
type checker struct {
	*problems
	cat Catalog
}

func (c *checker) config(cfg *Config) {
	c.need(cfg.APIVersion == APIVersion, "apiVersion", APIVersion, cfg.APIVersion)
	c.need(cfg.Kind == Kind, "kind", Kind, cfg.Kind)
	c.between("interval", cfg.Interval, minInterval, maxInterval)
	c.between("history", cfg.History, 0, maxHistory)
	c.positive("maxAge", cfg.MaxAge)
	atLeast := "at least interval (" + cfg.Interval.String() + ")"
	c.need(cfg.HoldFor.Std() >= cfg.Interval.Std(), "holdFor", atLeast, cfg.HoldFor)
	for i := range cfg.Sources {
		c.source(index("sources", i), &cfg.Sources[i])
	}
	for i, b := range cfg.Budgets {
		c.budget(index("budgets", i), b)
	}
	for i := range cfg.Models {
		c.model(index("models", i), &cfg.Models[i])
	}
}

func (c *checker) source(path string, s *Source) {
	c.label(path+".name", s.Name)
	c.url(path+".url", s.URL)
	c.positive(path+".timeout", s.Timeout)
	c.need(*s.MaxResponseBytes >= 1024, path+".maxResponseBytes", ">= 1024", *s.MaxResponseBytes)
	c.need(*s.MaxSeries >= 1, path+".maxSeries", ">= 1", *s.MaxSeries)
	c.labels(path+".labels", s.Labels)
	c.tenant(path+".tenant", s.Tenant)
	client := s.HTTP.Client
	if client.Authorization != nil { // Validate writes to it, and the source may be shared
		own := *client.Authorization
		client.Authorization = &own
	}
	if err := client.Validate(); err != nil {
		c.add(path+".http", "%s", discreet(err))
	}
	if s.SigV4 == nil {
		return
	}
	if err := s.SigV4.Config.Validate(); err != nil {
		c.add(path+".sigv4", "%s", discreet(err))
	}
	if client.BasicAuth != nil || client.Authorization != nil || client.OAuth2 != nil {
		c.add(path+".sigv4", "want only one of sigv4 and http authentication, got both")
	}
}

// url refuses credentials and queries in the URL: they would show up in logs.
func (c *checker) url(path, raw string) {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		c.add(path, "want an http or https URL, got nothing")
	case err != nil:
		c.add(path, "want an http or https URL, got one that does not parse")
	case u.User != nil:
		c.add(path, "want no user or password, use http.basic_auth; got %s", u.Redacted())
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		c.add(path, "want an http or https URL such as http://prometheus.monitoring:9090, got %s", quote(redactURL(raw)))
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		c.add(path, "want no query or fragment, use queryParameters")
	}
}

func (c *checker) tenant(path string, t *Tenant) {
	if t == nil {
		return
	}
	name := textproto.CanonicalMIMEHeaderKey(t.Header)
	_, reserved := promconfig.ReservedHeaders[name]
	c.need(!reserved && headerName(t.Header), path+".header", "a header name that is not used otherwise", t.Header)
	ok := t.Value != "" && !strings.ContainsFunc(t.Value, func(r rune) bool { return r < ' ' || r == 0x7f })
	c.need(ok, path+".value", "one line of text", t.Value)
}

// headerName says whether s is a token as RFC 9110 wants it.
func headerName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func (c *checker) budget(path string, b Budget) {
	c.label(path+".name", b.Name)
	c.need(len(validation.IsQualifiedName(b.Resource)) == 0, path+".resource",
		"a resource name such as nvidia.com/gpu", b.Resource)
	c.product(path+".product", b.Product)
	if b.Limit == nil {
		c.add(path+".limit", "want >= 1, got nothing")
		return
	}
	c.need(*b.Limit >= 1, path+".limit", ">= 1", *b.Limit)
}

// between checks the bounds of an optional duration, both inclusive.
func (c *checker) between(path string, d *Duration, low, high time.Duration) {
	want := Duration(low).String() + " to " + Duration(high).String()
	c.need(d.Std() >= low && d.Std() <= high, path, want, d)
}

// positive checks an optional duration; absent is fine.
func (c *checker) positive(path string, d *Duration) {
	if d != nil {
		c.need(*d > 0, path, "> 0", *d)
	}
}

// rate checks an optional number; absent is fine.
func (c *checker) rate(path string, f *float64) {
	if f != nil {
		c.need(*f > 0 && !math.IsInf(*f, 0), path, "a finite number > 0", *f)
	}
}

// label checks a name of ours.
func (c *checker) label(path, name string) {
	c.need(len(validation.IsDNS1123Label(name)) == 0, path,
		"a DNS label (lower-case letters, digits, '-', at most 63)", name)
}

func (c *checker) product(path, product string) {
	c.need(len(validation.IsValidLabelValue(product)) == 0, path, "a value that a node label can have", product)
}

// labels checks label names; empty means the preset's own.
func (c *checker) labels(path string, l Labels) {
	for _, f := range []struct{ key, name string }{
		{"namespace", l.Namespace}, {"pod", l.Pod}, {"model", l.Model},
	} {
		c.need(f.name == "" || labelName(f.name), path+"."+f.key, "a Prometheus label name", f.name)
	}
}

// matchers checks a map from label names to values.
func (c *checker) matchers(path string, m map[string]string) {
	for _, name := range sortedKeys(m) {
		c.need(labelName(name) && name != "__name__", join(path, quote(name)), "a Prometheus label name as key", name)
	}
}

// labelName says whether s is a classic Prometheus label name.
func labelName(s string) bool {
	return s != "" && (s[0] < '0' || s[0] > '9') && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
