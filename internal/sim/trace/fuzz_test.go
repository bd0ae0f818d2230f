package trace

import (
	"math"
	"strings"
	"testing"
)

// FuzzTable: whatever is in a file, reading it ends, and what it gives is load.
func FuzzTable(f *testing.F) {
	f.Add("t_s,requests,prompt_tokens,output_tokens\n0,1,2,3\n10,,2,3\n40,1,,\n")
	f.Add("t_s,c0,c1\n0,1,7\n600,2,8\n")
	f.Add("t_s,pool,z\n0,1,2\n60,,4\n")
	f.Add("t_s,requests,prompt_tokens,output_tokens\n0,1,2,3\n1,1,2,3\n2147483648,1,1,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := newLines("fuzz", strings.NewReader(text), false)
		if err != nil || !l.next() {
			return
		}
		kind, head := detect(l.text)
		if kind != formatLoad && kind != formatMatrix && kind != formatSpot {
			return
		}
		columns := len(head) - 1
		if kind == formatLoad {
			columns = 3
		}
		g, err := readGrid(l, head, columns)
		if err != nil {
			return
		}
		if step, err := g.spread("fuzz"); err != nil || step <= 0 {
			return
		}
		for _, col := range g.cols {
			for _, v := range col {
				if v < 0 || math.IsInf(v, 0) {
					t.Fatalf("got %g", v)
				}
			}
		}
	})
}

// FuzzRequests: a stream of requests ends in io.EOF or an error, in order and with sane numbers.
func FuzzRequests(f *testing.F) {
	f.Add(strings.Join(requestsHead, ",") + "\n0,6758,500,14,0,1\n1500,600,9,2,2,7\n")
	f.Add("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n2023-11-16 18:15:46,1,1\n")
	f.Add("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n")
	f.Add(`{"timestamp": 0, "input_length": 1200, "output_length": 52, "hash_ids": [0, 1, 2]}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := newLines("fuzz", strings.NewReader(text), true)
		if err != nil {
			return
		}
		r, err := newRequests(l)
		if err != nil {
			return
		}
		last := Request{}
		for {
			q, err := r.Next()
			if err != nil {
				return
			}
			if q.At < last.At || q.Prompt < 0 || q.Output < 0 || q.Cached < 0 || q.Cached > q.Prompt {
				t.Fatalf("got %+v after %+v", q, last)
			}
			last = q
		}
	})
}
