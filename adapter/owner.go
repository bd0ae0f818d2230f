package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
)

const (
	ownerEvery   = time.Minute
	ownerTimeout = 5 * time.Second
)

// apiService is what is read of one.
type apiService struct {
	Spec struct {
		Service *struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"service"`
	} `json:"spec"`
}

// owner is whose Service answers an API, as namespace/name; empty if nobody's.
func owner(ctx context.Context, client rest.Interface, api string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, ownerTimeout)
	defer cancel()
	raw, err := client.Get().AbsPath("/apis/apiregistration.k8s.io/v1/apiservices", api).
		SetHeader("Accept", "application/json").DoRaw(ctx)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read APIService %s: %w", api, err)
	}
	var a apiService
	if err := json.Unmarshal(raw, &a); err != nil {
		return "", fmt.Errorf("read APIService %s: %w", api, err)
	}
	if a.Spec.Service == nil {
		return "", nil
	}
	return a.Spec.Service.Namespace + "/" + a.Spec.Service.Name, nil
}

const externalAPI = "v1beta1.external.metrics.k8s.io"

// apis are the APIServices that we answer.
func (s *Server) apis() []string {
	out := []string{"v1beta1.custom.metrics.k8s.io", "v1beta2.custom.metrics.k8s.io"}
	if s.opts.External {
		out = append(out, externalAPI)
	}
	return out
}

// claim looks whose our APIs are. To serve an API that another Service owns is of
// no use; for the external one, which KEDA usually owns, it is refused, because
// whoever installs both APIServices breaks one of them.
func (s *Server) claim(ctx context.Context) error {
	for _, api := range s.apis() {
		who, err := owner(ctx, s.client.Discovery().RESTClient(), api)
		if err != nil && api == externalAPI {
			return fmt.Errorf("external metrics are served only where nobody else does (KEDA usually does), which cannot be "+
				"told: %w; grant get on apiservices.apiregistration.k8s.io, or leave external metrics off", err)
		}
		if err != nil {
			s.opts.warn("%v; grant get on apiservices.apiregistration.k8s.io to have its owner checked", err)
			continue
		}
		if api == externalAPI && who != "" && who != s.opts.Service {
			return fmt.Errorf("external.metrics.k8s.io is served by %s already (KEDA serves it where it is installed), and "+
				"an API has one server: leave external metrics off, and use the custom metrics or a KEDA trigger; "+
				"if %s is us, name our Service %[1]s", who, who)
		}
		s.note(api, who)
	}
	return nil
}

// watchOwners notes changes until the context ends.
func (s *Server) watchOwners(ctx context.Context) {
	_ = wait.PollUntilContextCancel(ctx, ownerEvery, false, func(ctx context.Context) (bool, error) {
		for _, api := range s.apis() {
			if who, err := owner(ctx, s.client.Discovery().RESTClient(), api); err == nil {
				s.note(api, who)
			}
		}
		return false, nil
	}) // it ends with the context
}

// note keeps an owner as a metric, and warns when it is somebody else.
func (s *Server) note(api, who string) {
	if was, known := s.owners[api]; known && was == who {
		return
	}
	s.owners[api] = who
	s.stats.owned.DeletePartialMatch(map[string]string{"apiservice": api})
	ours := 0.0
	switch who {
	case s.opts.Service:
		ours = 1
	case "":
		s.opts.warn("APIService %s does not exist: nobody asks us until it is applied", api)
	default:
		s.opts.warn("APIService %s belongs to %s (prometheus-adapter?), so nobody asks us: point it at Service %s "+
			"once what is read from there has an equal here", api, who, s.opts.Service)
	}
	s.stats.owned.WithLabelValues(api, who).Set(ours)
}
