package promstore

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// envelope is a successful response.
func envelope(got answer) []byte {
	b := append([]byte(`{"status":"success","data":`), got.data...)
	b = appendList(b, "warnings", got.warnings)
	b = appendList(b, "infos", got.infos)
	return append(b, '}')
}

func appendList(b []byte, name string, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return append(b, encodeStrings(list)...)
}

func errorEnvelope(f *failure) []byte {
	b := append([]byte(`{"status":"error","errorType":"`), f.kind...)
	b = append(b, `","error":`...)
	b = appendString(b, f.Error())
	return append(b, '}')
}

func encodeValue(v parser.Value) ([]byte, error) {
	b := append([]byte(`{"resultType":"`), v.Type()...)
	b = append(b, `","result":`...)
	switch v := v.(type) {
	case promql.Vector:
		b = appendVector(b, v)
	case promql.Matrix:
		b = appendMatrix(b, v)
	case promql.Scalar:
		b = appendPoint(b, v.T, v.V)
	case promql.String:
		b = appendTime(append(b, '['), v.T)
		b = append(appendString(append(b, ','), v.V), ']')
	default:
		return nil, fmt.Errorf("encode result: want a vector, matrix, scalar or string, got %T", v)
	}
	return append(b, '}'), nil
}

func appendVector(b []byte, v promql.Vector) []byte {
	b = append(b, '[')
	for i, s := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLabels(append(b, `{"metric":`...), s.Metric)
		b = append(appendPoint(append(b, `,"value":`...), s.T, s.F), '}')
	}
	return append(b, ']')
}

func appendMatrix(b []byte, m promql.Matrix) []byte {
	b = append(b, '[')
	for i, s := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLabels(append(b, `{"metric":`...), s.Metric)
		b = append(b, `,"values":[`...)
		for k, p := range s.Floats {
			if k > 0 {
				b = append(b, ',')
			}
			b = appendPoint(b, p.T, p.F)
		}
		b = append(b, "]}"...)
	}
	return append(b, ']')
}

// appendPoint writes [seconds, "value"].
func appendPoint(b []byte, t millis, v float64) []byte {
	b = appendTime(append(b, '['), t)
	b = append(b, `,"`...)
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, v, format, -1, 64)
	return append(b, `"]`...)
}

// appendTime writes milliseconds as seconds, with three decimals unless they are zero.
func appendTime(b []byte, t millis) []byte {
	if t < 0 {
		b, t = append(b, '-'), -t
	}
	b = strconv.AppendInt(b, t/1000, 10)
	if rest := t % 1000; rest != 0 {
		b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	}
	return b
}

func appendLabels(b []byte, lset labels.Labels) []byte {
	b = append(b, '{')
	first := true
	lset.Range(func(l labels.Label) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, l.Name), ':')
		b = appendString(b, l.Value)
	})
	return append(b, '}')
}

// appendString writes a JSON string; plain text, which labels nearly always are, needs no escaping.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...) // strings always marshal
			}
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func encodeStrings(list []string) []byte {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func encodeSeries(list []labels.Labels) []byte {
	b := []byte{'['}
	for i, lset := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLabels(b, lset)
	}
	return append(b, ']')
}

// parseTime reads a moment as the API takes it: seconds since 1970 with decimals, or RFC 3339.
func parseTime(text string) (time.Time, error) {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if math.Abs(f) > 1e15 || math.IsNaN(f) {
			return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", text)
		}
		return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", text)
}

// parseDuration reads a length of time as the API takes it: seconds with decimals, or 1h30m.
func parseDuration(text string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if math.Abs(f) > math.MaxInt64/1e9 || math.IsNaN(f) {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", text)
		}
		return time.Duration(f * float64(time.Second)), nil
	}
	if d, err := model.ParseDuration(text); err == nil {
		return time.Duration(d), nil
	}
	return 0, fmt.Errorf("cannot parse %q to a valid duration", text)
}
