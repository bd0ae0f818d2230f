package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"

	"github.com/forewarm/forewarm/policy"
)

// Record is the decision record of one model of the newest tick; see
// policy.Record. The model is named as Report names it.
func (a *App) Record(namespace, name string) (policy.Record, error) {
	id := policy.ModelID{Namespace: namespace, Name: name}
	if s := a.engine.Board().Load(); s != nil {
		if r, ok := policy.RecordOf(s, id); ok {
			return r, nil
		}
	}
	return policy.Record{}, fmt.Errorf("%w: %s", ErrNoModel, id)
}

// NewDecisionLog is an output that writes a decision record, one JSON document per
// line, of every model at its first decision and whenever a decision changes.
func NewDecisionLog(w io.Writer) NewOutput {
	return func(v View) (Output, error) {
		return &decisionLog{v, json.NewEncoder(w), map[policy.VariantID]int{}}, nil
	}
}

type decisionLog struct {
	view    View
	to      *json.Encoder
	written map[policy.VariantID]int // replicas of the newest record; absent = none
}

// Name implements Output.
func (l *decisionLog) Name() string { return "decision-log" }

// Ready implements Output: nobody waits for a log.
func (l *decisionLog) Ready() error { return nil }

// Run implements Output. A log that cannot be written ends the server: whoever
// asked for it relies on it.
func (l *decisionLog) Run(ctx context.Context) error {
	for {
		s, newer := l.view.Watch()
		if s != nil {
			if err := l.write(s); err != nil {
				return fmt.Errorf("write the decision log: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-newer:
		}
	}
}

func (l *decisionLog) write(s *policy.Snapshot) error {
	var errs []error
	for _, d := range s.Plan.Decisions {
		replicas := d.Replicas
		if !d.Known {
			replicas = -1
		}
		if last, ok := l.written[d.ID]; ok && last == replicas {
			continue
		}
		r, ok := policy.RecordOf(s, d.ID.Model)
		if !ok {
			continue
		}
		for _, d := range r.Decisions { // one record holds all variants
			l.written[d.ID] = d.Replicas
			if !d.Known {
				l.written[d.ID] = -1
			}
		}
		errs = append(errs, l.to.Encode(r))
	}
	return errors.Join(errs...)
}

// Redo is a record that was read, and how making its decision again came out.
type Redo struct {
	Record      policy.Record
	Differences []string // field by field, logged and made again; none = identical
}

// Replay reads decision records and makes each decision again.
func Replay(r io.Reader, each func(Redo) error) error {
	dec := json.NewDecoder(bufio.NewReader(r))
	for n := 1; ; n++ {
		var rec policy.Record
		if err := dec.Decode(&rec); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read decision record %d: %w", n, err)
		}
		if rec.APIVersion != policy.RecordVersion || rec.Kind != policy.RecordKind {
			return fmt.Errorf("read decision record %d: want kind %s of %s, got %q of %q", n, policy.RecordKind,
				policy.RecordVersion, rec.Kind, rec.APIVersion)
		}
		redo, err := again(rec)
		if err != nil {
			return fmt.Errorf("replay decision record %d: %w", n, err)
		}
		if err := each(redo); err != nil {
			return err
		}
	}
}

// again makes a decision again. The order in which rules are told apart is that of
// the code that runs, so a record of another version may differ.
func again(rec policy.Record) (out Redo, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a rule panicked: %v", r)
		}
	}()
	redone := rec.Replay()
	out.Record = rec
	for _, part := range []struct {
		name           string
		logged, redone any
	}{{"proposal", rec.Proposal, redone.Proposal}, {"decisions", rec.Decisions, redone.Decisions}} {
		a, err := tree(part.logged)
		if err != nil {
			return out, err
		}
		b, err := tree(part.redone)
		if err != nil {
			return out, err
		}
		out.Differences = append(out.Differences, differences(part.name, a, b)...)
	}
	return out, nil
}

// Sentences are the steps of a record's proposal, and what budgets and holds made
// of them, in order.
func Sentences(r policy.Record) []string {
	var out []string
	for _, s := range r.Proposal.Steps {
		out = append(out, sentence(s))
	}
	for _, d := range r.Decisions {
		for _, s := range d.Steps {
			if !slices.Contains(r.Proposal.Steps, s) {
				out = append(out, sentence(s))
			}
		}
		answer := "no answer"
		if d.Known {
			answer = strconv.Itoa(d.Replicas) + " replicas"
		}
		out = append(out, d.ID.Variant+": "+answer+".")
	}
	return out
}

// tree is a value as JSON knows it.
func tree(v any) (out any, err error) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

// differences are the fields in which two JSON trees differ.
func differences(path string, a, b any) []string {
	if reflect.DeepEqual(a, b) {
		return nil
	}
	var out []string
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			break
		}
		for _, k := range fields(x, y) {
			out = append(out, differences(path+"."+k, x[k], y[k])...)
		}
		return out
	case []any:
		y, ok := b.([]any)
		if !ok {
			break
		}
		for i := range max(len(x), len(y)) {
			out = append(out, differences(path+"["+strconv.Itoa(i)+"]", at(x, i), at(y, i))...)
		}
		return out
	}
	return []string{fmt.Sprintf("%s: logged %s, made again %s", path, short(a), short(b))}
}

func fields(x, y map[string]any) []string {
	var out []string
	for k := range x {
		out = append(out, k)
	}
	for k := range y {
		if _, ok := x[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// short is a value in at most a line.
func short(v any) string {
	if v == nil {
		return "nothing"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if len(b) > 120 {
		return string(b[:120]) + "..."
	}
	return string(b)
}
