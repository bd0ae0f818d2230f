package sim

import (
	"math"
	"strconv"
)

// text builds the Prometheus text format.
type text []byte

// family starts a metric family.
func (t *text) family(name, kind string) {
	*t = append(append(append(append(append(*t, "# TYPE "...), name...), ' '), kind...), '\n')
}

// sample adds one line; labels is what stands between the braces, or nothing.
func (t *text) sample(name, labels string, v float64) {
	b := append(*t, name...)
	if labels != "" {
		b = append(append(append(b, '{'), labels...), '}')
	}
	*t = appendValue(append(b, ' '), v)
}

// one adds a family of one sample.
func (t *text) one(name, kind, labels string, v float64) {
	t.family(name, kind)
	t.sample(name, labels, v)
}

// histogram adds a family of one classic histogram.
func (t *text) histogram(name, labels string, h *Histogram) {
	t.family(name, "histogram")
	b, total := *t, 0.0
	for i, c := range h.counts {
		total += c
		b = append(append(append(b, name...), "_bucket{"...), labels...)
		b = append(b, `,le="`...)
		if i < len(h.bounds) {
			b = appendBound(b, h.bounds[i])
		} else {
			b = append(b, "+Inf"...)
		}
		b = appendValue(append(b, `"} `...), math.Floor(total))
	}
	*t = b
	t.sample(name+"_sum", labels, h.sum)
	t.sample(name+"_count", labels, math.Floor(total))
}

// appendValue ends a line with a value.
func appendValue(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		b = strconv.AppendInt(b, int64(v), 10)
	} else {
		b = strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	return append(b, '\n')
}

// appendBound writes a bucket bound the way Python's client does: 1.0, not 1.
func appendBound(b []byte, v float64) []byte {
	b = strconv.AppendFloat(b, v, 'f', -1, 64)
	if v == math.Trunc(v) {
		b = append(b, ".0"...)
	}
	return b
}

// label renders name="value" with the value escaped.
func label(name, value string) string {
	b := append([]byte(name), '=', '"')
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// pairs renders name, value, name, value as labels.
func pairs(nv ...string) string {
	s := ""
	for i := 0; i < len(nv); i += 2 {
		if i > 0 {
			s += ","
		}
		s += label(nv[i], nv[i+1])
	}
	return s
}
