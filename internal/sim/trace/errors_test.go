package trace

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadErrorsNameFileLineColumnAndBothSides(t *testing.T) {
	const head = "t_s,requests,prompt_tokens,output_tokens\n"
	requests := strings.Join(requestsHead, ",") + "\n"
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"not a number":        {head + "0,1,1,1\n10,x,1,1\n", []string{"x.csv:3", "column requests", "want a number", `got "x"`}},
		"too much of it":      {head + "0,1,1,1\n10,1e300,1,1\n", []string{"x.csv:3", "column requests", "from 0 to 1e15", `got "1e300"`}},
		"below zero":          {head + "0,1,1,1\n10,-1,1,1\n", []string{"x.csv:3", `got "-1"`}},
		"infinite":            {head + "0,1,1,1\n10,1,1,Inf\n", []string{"column output_tokens", `got "Inf"`}},
		"NaN is no number":    {head + "0,1,1,1\n10,1,NaN,1\n", []string{"column prompt_tokens"}},
		"too few columns":     {head + "0,1,1\n", []string{"x.csv:2", "want 4 columns, got \"3: 0,1,1\""}},
		"time goes back":      {head + "20,1,1,1\n10,1,1,1\n", []string{"column t_s", "a moment after 20"}},
		"off the grid":        {head + "0,1,1,1\n10,1,1,1\n25,1,1,1\n", []string{"row 3", "multiple of 10 s"}},
		"one row only":        {head + "0,1,1,1\n", []string{"at least 2 rows"}},
		"too long a hole":     {head + "0,1,1,1\n1,1,1,1\n900000000,1,1,1\n", []string{"at most", "buckets"}},
		"an unknown header":   {"time,requests\n", []string{"x.csv:1", "want the header of", `got "time,requests"`}},
		"a part of a header":  {"t_s,requests\n", []string{"want the header of"}},
		"empty":               {"", []string{"got an empty file"}},
		"spot is no load":     {"t_s,pool\n0,1\n60,2\n", []string{"spot capacity"}},
		"several at once":     {head + "0,a,1,1\n10,1,1,b\n", []string{"x.csv:2", "x.csv:3"}},
		"requests, several":   {requests + "0,a,b,1,2,1\n", []string{"prompt_tokens", "output_tokens", "at most the 1 blocks"}},
		"requests out of row": {requests + "100,1,1,1,0,1\n0,1,1,1,0,1\n", []string{"x.csv:3", "times in order"}},
		"no Azure time":       {azure + "yesterday,1,1\n", []string{"column TIMESTAMP", `got "yesterday"`}},
		"no BurstGPT time":    {"Timestamp,Request tokens,Response tokens\n-1,1,1\n", []string{"column Timestamp"}},
		"Mooncake: no JSON":   {"{\n", []string{"x.csv:1", "want an object"}},
		"Mooncake: missing":   {`{"timestamp": 1, "output_length": -2}`, []string{"input_length", "output_length"}},
		"a long line":         {head + strings.Repeat("1", maxLine+1), []string{"x.csv:2", "want lines of at most"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(put(t, t.TempDir(), "x.csv", tc.text))
			if err == nil {
				t.Fatal("want an error, got none")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in the error, got %v", want, err)
				}
			}
		})
	}
	t.Run("ten errors are enough", func(t *testing.T) {
		_, err := Read(put(t, t.TempDir(), "x.csv", head+strings.Repeat("a,b,c,d\n", 1000)))
		if n := strings.Count(err.Error(), "\n") + 1; n != maxErrors {
			t.Errorf("want %d errors, got %d", maxErrors, n)
		}
	})
	t.Run("half a gzip file", func(t *testing.T) {
		path := put(t, t.TempDir(), "x.csv.gz", head+strings.Repeat("0,1,1,1\n", 9))
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b[:len(b)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil {
			t.Error("want an error, got none")
		}
	})
	t.Run("no such file", func(t *testing.T) {
		if _, err := Read(filepath.Join(t.TempDir(), "none.csv")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}
