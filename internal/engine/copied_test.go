package engine

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/forewarm/forewarm/predictor"
)

// copied is a model's state in memory of its own, down to the capacity of slices, with a history that is given; only
// the scratch, and time zones, are the same.
func copied(s *state, scratch *predictor.Workspace, h *predictor.History) *state {
	c := copier{scratch: reflect.ValueOf(scratch).Pointer()}
	out := *s
	out.history = nil
	c.own(reflect.ValueOf(&out).Elem())
	out.history = h
	return &out
}

// copier gives values, which are plain copies of others, memory of their own.
type copier struct{ scratch uintptr }

func (c copier) own(v reflect.Value) {
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() // other packages' fields as well
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			c.own(v.Field(i))
		}
	case reflect.Array:
		c.each(v)
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		all := reflect.MakeSlice(v.Type(), v.Cap(), v.Cap())
		reflect.Copy(all, v.Slice(0, v.Cap()))
		c.each(all)
		v.Set(all.Slice(0, v.Len()))
	case reflect.Pointer, reflect.Interface:
		c.pointee(v)
	case reflect.String:
		v.SetString(strings.Clone(v.String()))
	case reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		if !v.IsNil() {
			panic("no copy of " + v.Type().String())
		}
	default: // a number is its own copy
	}
}

// each owns the elements, unless they are numbers.
func (c copier) each(v reflect.Value) {
	if k := v.Type().Elem().Kind(); k <= reflect.Complex128 {
		return
	}
	for i := range v.Len() {
		c.own(v.Index(i))
	}
}

func (c copier) pointee(v reflect.Value) {
	if v.IsNil() || v.Kind() == reflect.Pointer && (v.Pointer() == c.scratch || v.Type() == reflect.TypeFor[*time.Location]()) {
		return
	}
	out := reflect.New(v.Elem().Type()).Elem()
	out.Set(v.Elem())
	c.own(out)
	if v.Kind() == reflect.Pointer {
		out = out.Addr()
	}
	v.Set(out)
}

func TestACopiedStateSharesNothingAndGoesOnAsTheOriginal(t *testing.T) {
	w := newWorld(2)
	e := engineOn(w)
	at := noon
	for ; at.Before(noon.Add(2 * time.Hour)); at = at.Add(15 * time.Second) {
		tick(t, e, at)
	}
	was := e.states[w.models[0].ID]
	before := asJSON(t, was.learned)
	// Only the copy lives on, and does what the original then does.
	e.seats[0] = copied(was, &e.scratch, was.history)
	one := e.seats[0]
	tick(t, e, at)
	if got := asJSON(t, was.learned); got != before {
		t.Error("the original's state moved with its copy")
	}
	other := engineOn(w)
	for back := noon; !back.After(at); back = back.Add(15 * time.Second) {
		tick(t, other, back)
	}
	want := other.states[w.models[0].ID]
	if asJSON(t, one.learned) != asJSON(t, want.learned) || asJSON(t, one.forecast) != asJSON(t, want.forecast) {
		t.Error("the copy went another way than the original would have")
	}
}
