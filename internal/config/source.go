package config

import (
	"fmt"
	"net/url"

	promconfig "github.com/prometheus/common/config"
)

// NewSource is a source that the command line names, with the defaults of the
// file. A user and password in the URL become basic authentication.
func NewSource(name, rawURL string) (Source, error) {
	s := Source{Name: name, URL: rawURL}
	s.fill()
	if u, err := url.Parse(rawURL); err == nil && u.User != nil {
		password, _ := u.User.Password()
		s.HTTP.Client.BasicAuth = &promconfig.BasicAuth{
			Username: u.User.Username(), Password: promconfig.Secret(password),
		}
		u.User = nil
		s.URL = u.String()
	}
	c := checker{problems: newProblems()}
	c.source("source", &s)
	if err := c.err(); err != nil {
		return Source{}, fmt.Errorf("use Prometheus at %s: %w", redactURL(rawURL), err)
	}
	return s, nil
}

// redactURL shows a URL without its password and query.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the given URL"
	}
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}
