package promstore

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
)

func (a *api) query(r *http.Request) (answer, error) {
	at, err := timeParam(r, "time", a.now())
	if err != nil {
		return answer{}, err
	}
	ctx, cancel, err := withTimeout(r)
	if err != nil {
		return answer{}, err
	}
	defer cancel()
	text := r.FormValue("query")
	q, err := a.engine.NewInstantQuery(ctx, a.store, nil, text, at)
	if err != nil {
		return answer{}, badParameter("query", err)
	}
	defer q.Close()
	return execute(ctx, q, text)
}

func (a *api) queryRange(r *http.Request) (answer, error) {
	start, err := needTime(r, "start")
	if err != nil {
		return answer{}, err
	}
	end, err := needTime(r, "end")
	if err != nil {
		return answer{}, err
	}
	if end.Before(start) {
		return answer{}, badParameter("end", errors.New("end timestamp must not be before start time"))
	}
	step, err := parseDuration(r.FormValue("step"))
	if err != nil {
		return answer{}, badParameter("step", err)
	}
	if step <= 0 {
		return answer{}, badParameter("step",
			errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	}
	if end.Sub(start)/step > maxPoints {
		return answer{}, badData(errors.New("exceeded maximum resolution of 11,000 points per timeseries. " +
			"Try decreasing the query resolution (?step=XX)"))
	}
	ctx, cancel, err := withTimeout(r)
	if err != nil {
		return answer{}, err
	}
	defer cancel()
	text := r.FormValue("query")
	q, err := a.engine.NewRangeQuery(ctx, a.store, nil, text, start, end, step)
	if err != nil {
		return answer{}, badParameter("query", err)
	}
	defer q.Close()
	return execute(ctx, q, text)
}

// execute runs a query and encodes its value while the engine still owns it.
func execute(ctx context.Context, q promql.Query, text string) (answer, error) {
	res := q.Exec(ctx)
	if res.Err != nil {
		return answer{}, queryFailure(res.Err)
	}
	data, err := encodeValue(res.Value)
	if err != nil {
		return answer{}, err
	}
	warnings, infos := res.Warnings.AsStrings(text, 10, 10)
	return answer{data: data, warnings: warnings, infos: infos}, nil
}

// withTimeout applies the timeout parameter of a query; the engine has a limit of its own.
func withTimeout(r *http.Request) (context.Context, context.CancelFunc, error) {
	text := r.FormValue("timeout")
	if text == "" {
		return r.Context(), func() {}, nil
	}
	d, err := parseDuration(text)
	if err != nil {
		return nil, nil, badParameter("timeout", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(d, queryTimeout))
	return ctx, cancel, nil
}

func needTime(r *http.Request, name string) (time.Time, error) {
	t, err := parseTime(r.FormValue(name))
	if err != nil {
		return t, badParameter(name, err)
	}
	return t, nil
}

func timeParam(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	if r.FormValue(name) == "" {
		return otherwise, nil
	}
	return needTime(r, name)
}
