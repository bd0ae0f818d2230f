package trace

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// Request is one recorded request.
type Request struct {
	At      time.Duration // since the first request
	Prompt  int           // tokens
	Output  int           // tokens; 0 where the source recorded a failure
	Cached  int           // leading prompt tokens seen before by anybody (an infinite cache)
	Session uint64        // requests of one conversation share it; 0 = not known
}

// Requests is a trace of single requests, read one at a time: memory does not depend on its length.
type Requests struct {
	l      *lines
	parse  func() (Request, error) // the current line; At may have any origin
	unread bool                    // the current line is not parsed yet
	first  time.Duration
	last   time.Duration
	begun  bool
	origin time.Time
}

// Open opens a trace of single requests, in any of the formats that have them.
func Open(path string) (*Requests, error) {
	l, err := openLines(path, true)
	if err != nil {
		return nil, err
	}
	r, err := newRequests(l)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return r, nil
}

func newRequests(l *lines) (*Requests, error) {
	if !l.next() {
		return nil, errors.Join(fmt.Errorf("read trace %s: want requests, got an empty file", l.name), l.fail())
	}
	r := &Requests{l: l}
	kind, head := detect(l.text)
	switch kind {
	case formatRequests:
		r.parse = func() (Request, error) { return parseRequest(l, head) }
	case formatAzure:
		r.parse = func() (Request, error) { return r.parseAzure(head) }
	case formatBurstGPT:
		r.parse = parseBurst(l, head)
	case formatMooncake:
		r.unread = true
		r.parse = (&mooncake{l: l}).parse
	case formatLoad, formatMatrix, formatSpot:
		return nil, fmt.Errorf("read trace %s: want single requests, got sums per bucket", l.name)
	case formatUnknown:
		return nil, l.wrong("", knownFormats, l.text)
	}
	return r, nil
}

// Next is the next request; io.EOF after the last.
func (r *Requests) Next() (Request, error) {
	if !r.unread && !r.l.next() {
		if err := r.l.fail(); err != nil {
			return Request{}, err
		}
		return Request{}, io.EOF
	}
	r.unread = false
	q, err := r.parse()
	if err != nil {
		return Request{}, err
	}
	if !r.begun {
		r.begun, r.first, r.last = true, q.At, q.At
	}
	if q.At < r.last {
		return Request{}, r.l.wrong("", fmt.Sprintf("times in order, %v after the first or later", r.last-r.first),
			(q.At - r.first).String())
	}
	r.last = q.At
	q.At -= r.first
	return q, nil
}

// Start is the moment of the first request, known after the first Next; zero where the source does not tell.
func (r *Requests) Start() time.Time {
	if r.origin.IsZero() {
		return time.Time{}
	}
	return r.origin.Add(r.first)
}

// Close closes the file.
func (r *Requests) Close() error { return r.l.close() }

// parseRequest reads a line of our own requests schema.
func parseRequest(l *lines, head []string) (Request, error) {
	r, err := l.cut(head)
	if err != nil {
		return Request{}, err
	}
	var n [6]int
	var f faults
	for i := range n {
		var err error
		n[i], err = r.count(i)
		f.add(err)
	}
	if n[4] > n[3] {
		f.add(l.wrong(head[4], fmt.Sprintf("at most the %d blocks of the prompt", n[3]), r.cells[4]))
	}
	return Request{
		At: time.Duration(n[0]) * time.Millisecond, Prompt: n[1], Output: n[2],
		Cached: min(n[4]*mooncakeBlock, n[1]), Session: uint64(n[5]),
	}, f.join()
}

// bucketFile sorts a trace of single requests into buckets of RequestBucket.
func bucketFile(path string) (Series, error) {
	r, err := Open(path)
	if err != nil {
		return Series{}, err
	}
	s, err := r.Buckets(RequestBucket)
	s.Name, s.File = stem(path), path
	return s, errors.Join(err, r.Close())
}

// Buckets sums the requests that are left into buckets from the first one on.
func (r *Requests) Buckets(bucket time.Duration) (Series, error) {
	s := Series{Name: stem(r.l.name), Bucket: bucket}
	for {
		q, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s, err
		}
		i := int(min(q.At/bucket, math.MaxInt32))
		if i >= maxBuckets {
			return s, r.l.wrong("", fmt.Sprintf("at most %d buckets of %v", maxBuckets, bucket), q.At.String())
		}
		for len(s.Requests) <= i {
			s.Requests, s.Prompt, s.Output = append(s.Requests, 0), append(s.Prompt, 0), append(s.Output, 0)
		}
		s.Requests[i]++
		s.Prompt[i] += float64(q.Prompt)
		s.Output[i] += float64(q.Output)
	}
	if s.Len() == 0 {
		return s, fmt.Errorf("read trace %s: want requests, got none", r.l.name)
	}
	s.Start = r.Start()
	return s, nil
}
