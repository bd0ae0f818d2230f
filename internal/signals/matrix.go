package signals

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// matrixHead is how Prometheus begins the answer with which nearly all of a tick's bytes come.
const matrixHead = `{"status":"success","data":{"resultType":"matrix","result":[`

// matrixOf takes that answer apart in one pass, with each label's text kept once; the library makes four passes, which
// was half of what a tick with thousands of pods cost. Beside the matrix it gives the answer without the series, for
// the
// library to find the warnings in. Whatever is not exactly as expected is left to the library as a whole: false.
func matrixOf(body []byte) (model.Matrix, []byte, bool) {
	if !bytes.HasPrefix(body, []byte(matrixHead)) {
		return nil, nil, false
	}
	s := scanner{text: body, at: len(matrixHead), words: map[string]string{}}
	m := model.Matrix{}
	for !s.takes("]") {
		if len(m) > 0 && !s.takes(",") {
			return nil, nil, false
		}
		one, ok := s.series()
		if !ok {
			return nil, nil, false
		}
		m = append(m, one)
	}
	return m, append([]byte(matrixHead+"]"), body[s.at:]...), true
}

// scanner reads JSON of one known shape, without blanks.
type scanner struct {
	text   []byte
	at     int
	words  map[string]string // texts seen
	labels int               // of the series before
	values int
}

// takes goes over a text if it is next.
func (s *scanner) takes(next string) bool {
	if len(s.text)-s.at < len(next) || string(s.text[s.at:s.at+len(next)]) != next {
		return false
	}
	s.at += len(next)
	return true
}

func (s *scanner) series() (*model.SampleStream, bool) {
	if !s.takes(`{"metric":{`) {
		return nil, false
	}
	metric, ok := s.metric()
	if !ok || !s.takes(`,"values":[`) {
		return nil, false
	}
	out := &model.SampleStream{Metric: metric, Values: make([]model.SamplePair, 0, s.values)}
	for !s.takes("]") {
		if len(out.Values) > 0 && !s.takes(",") {
			return nil, false
		}
		p, ok := s.pair()
		if !ok {
			return nil, false
		}
		out.Values = append(out.Values, p)
	}
	s.values = len(out.Values)
	return out, s.takes("}")
}

// metric is the labels of a series.
func (s *scanner) metric() (model.Metric, bool) {
	out := make(model.Metric, s.labels)
	for !s.takes("}") {
		if len(out) > 0 && !s.takes(",") {
			return nil, false
		}
		name, ok := s.word()
		if !ok || !model.UTF8Validation.IsValidLabelName(name) || !s.takes(":") {
			return nil, false
		}
		value, ok := s.word()
		if !ok {
			return nil, false
		}
		out[model.LabelName(name)] = model.LabelValue(value)
	}
	s.labels = len(out)
	return out, true
}

// pair is [seconds,"value"].
func (s *scanner) pair() (model.SamplePair, bool) {
	if !s.takes("[") {
		return model.SamplePair{}, false
	}
	t, ok := s.seconds()
	if !ok || !s.takes(",") {
		return model.SamplePair{}, false
	}
	text, ok := s.raw()
	if !ok || !s.takes("]") {
		return model.SamplePair{}, false
	}
	v, err := strconv.ParseFloat(string(text), 64)
	return model.SamplePair{Timestamp: t, Value: model.SampleValue(v)}, err == nil
}

// seconds is a time as Prometheus writes it: whole seconds, and milliseconds if there are any.
func (s *scanner) seconds() (model.Time, bool) {
	whole := s.digits()
	if len(whole) == 0 || len(whole) > 12 || whole[0] == '0' && len(whole) > 1 {
		return 0, false
	}
	ms := int64(0)
	for _, c := range whole {
		ms = 10*ms + int64(c-'0')
	}
	var part []byte
	if s.takes(".") {
		if part = s.digits(); len(part) == 0 || len(part) > 3 {
			return 0, false
		}
	}
	for i := range 3 {
		ms *= 10
		if i < len(part) {
			ms += int64(part[i] - '0')
		}
	}
	return model.Time(ms), true
}

func (s *scanner) digits() []byte {
	from := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.text[from:s.at]
}

// raw is a text without anything that JSON escapes.
func (s *scanner) raw() ([]byte, bool) {
	if !s.takes(`"`) {
		return nil, false
	}
	n := bytes.IndexByte(s.text[s.at:], '"')
	if n < 0 {
		return nil, false
	}
	text := s.text[s.at : s.at+n]
	s.at += n + 1
	return text, bytes.IndexByte(text, '\\') < 0
}

// word is a text that is likely to come again.
func (s *scanner) word() (string, bool) {
	from := s.at
	text, plain := s.raw()
	if text == nil {
		return "", false
	}
	if !plain {
		return s.escaped(from)
	}
	if known, ok := s.words[string(text)]; ok {
		return known, true
	}
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		return "", false
	}
	word := string(text)
	s.words[word] = word
	return word, true
}

// escaped is a text with escapes, from its first quote on.
func (s *scanner) escaped(from int) (string, bool) {
	d := json.NewDecoder(bytes.NewReader(s.text[from:]))
	var out string
	if d.Decode(&out) != nil {
		return "", false
	}
	s.at = from + int(d.InputOffset())
	return out, true
}
