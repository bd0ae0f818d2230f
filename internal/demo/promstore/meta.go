package promstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// selection is what the metadata endpoints are asked about.
type selection struct {
	q     *querier
	sets  [][]*labels.Matcher
	limit int // 0 is none
}

func (a *api) selection(r *http.Request) (selection, error) {
	start, err := timeParam(r, "start", time.UnixMilli(math.MinInt64))
	if err != nil {
		return selection{}, err
	}
	end, err := timeParam(r, "end", time.UnixMilli(math.MaxInt64))
	if err != nil {
		return selection{}, err
	}
	sets, err := a.parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return selection{}, badData(err)
	}
	for _, set := range sets {
		if !slices.ContainsFunc(set, func(m *labels.Matcher) bool { return !m.Matches("") }) {
			return selection{}, badData(errors.New("match[] must contain at least one non-empty matcher"))
		}
	}
	limit := 0
	if text := r.FormValue("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return selection{}, badParameter("limit", fmt.Errorf("want a number not below 0, got %q", text))
		}
	}
	q := &querier{store: a.store, minT: start.UnixMilli(), maxT: end.UnixMilli()}
	return selection{q: q, sets: sets, limit: limit}, nil
}

func (a *api) series(r *http.Request) (answer, error) {
	s, err := a.selection(r)
	if err != nil {
		return answer{}, err
	}
	if len(s.sets) == 0 {
		return answer{}, badData(errors.New("no match[] parameter provided"))
	}
	var found []labels.Labels
	for _, set := range s.sets {
		for _, w := range s.q.views(s.q.minT, s.q.maxT, set) {
			found = append(found, w.lset)
		}
	}
	slices.SortFunc(found, labels.Compare)
	found = slices.CompactFunc(found, labels.Equal)
	var warnings []string
	found, warnings = truncate(found, s.limit)
	return answer{data: encodeSeries(found), warnings: warnings}, nil
}

func (a *api) labelNames(r *http.Request) (answer, error) {
	return a.strings(r, func(q *querier, set []*labels.Matcher) ([]string, error) {
		names, _, err := q.LabelNames(r.Context(), nil, set...)
		return names, err
	})
}

func (a *api) labelValues(r *http.Request) (answer, error) {
	name := r.PathValue("name")
	if !model.UTF8Validation.IsValidLabelName(name) {
		return answer{}, badData(fmt.Errorf("invalid label name: %q", name))
	}
	return a.strings(r, func(q *querier, set []*labels.Matcher) ([]string, error) {
		values, _, err := q.LabelValues(context.Background(), name, nil, set...)
		return values, err
	})
}

// strings answers with the sorted union of a list over all selectors, or over everything without one.
func (a *api) strings(r *http.Request, list func(*querier, []*labels.Matcher) ([]string, error)) (answer, error) {
	s, err := a.selection(r)
	if err != nil {
		return answer{}, err
	}
	if len(s.sets) == 0 {
		s.sets = [][]*labels.Matcher{nil}
	}
	var all []string
	for _, set := range s.sets {
		some, err := list(s.q, set)
		if err != nil {
			return answer{}, err
		}
		all = append(all, some...)
	}
	slices.Sort(all)
	all, warnings := truncate(slices.Compact(all), s.limit)
	return answer{data: encodeStrings(all), warnings: warnings}, nil
}

func truncate[T any](list []T, limit int) (head []T, warnings []string) {
	if limit == 0 || len(list) <= limit {
		return list, nil
	}
	return list[:limit], []string{"results truncated due to limit"}
}

// buildInfo names the version of the engine inside.
func buildInfo(*http.Request) (answer, error) {
	data := `{"version":"3.16.0","revision":"","branch":"","buildUser":"","buildDate":"","goVersion":`
	return answer{data: append(appendString([]byte(data), runtime.Version()), '}')}, nil
}
