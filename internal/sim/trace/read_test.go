package trace

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var nan = math.NaN()

// The headers of public traces.
const (
	azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
	burst = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
)

// put writes a file into a fresh folder and returns its path.
func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	b := []byte(text)
	if strings.HasSuffix(name, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b = z.Bytes()
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadSeries(t *testing.T) {
	const head = "t_s,requests,prompt_tokens,output_tokens\n"
	for name, tc := range map[string]struct {
		file, text, column string
		want               Series
	}{
		"sums per bucket": {
			file: "a.csv", text: head + "0,3,300,30\n10,5,500.5,50\n",
			want: Series{
				Name: "a", Bucket: 10 * time.Second,
				Requests: []float64{3, 5}, Prompt: []float64{300, 500.5}, Output: []float64{30, 50},
			},
		},
		"gzip, and Windows line ends": {
			file: "b.csv.gz", text: strings.ReplaceAll("\ufeff"+head+"0,3,300,30\n\n60,5,500,50\n", "\n", "\r\n"),
			want: Series{
				Name: "b", Bucket: time.Minute,
				Requests: []float64{3, 5}, Prompt: []float64{300, 500}, Output: []float64{30, 50},
			},
		},
		"a shape without tokens: unknown, not zero": {
			file: "c.csv", text: head + "0,3.5,,\n60,0,,\n",
			want: Series{
				Name: "c", Bucket: time.Minute,
				Requests: []float64{3.5, 0}, Prompt: []float64{nan, nan}, Output: []float64{nan, nan},
			},
		},
		"a missing row and an empty cell are holes": {
			file: "d.csv", text: head + "600,1,1,1\n620,2,2,2\n630,,2,2\n",
			want: Series{
				Name: "d", Bucket: 10 * time.Second, Requests: []float64{1, nan, 2, nan},
				Prompt: []float64{1, nan, 2, 2}, Output: []float64{1, nan, 2, 2},
			},
		},
		"clients beside the sums are passed over": {
			file: "e.csv", text: strings.TrimSpace(head) + ",active_clients\n0,1,1,1,9\n600,2,2,2,9\n",
			want: Series{
				Name: "e", Bucket: 10 * time.Minute,
				Requests: []float64{1, 2}, Prompt: []float64{1, 2}, Output: []float64{1, 2},
			},
		},
		"one column of a matrix": {
			file: "m.csv", text: "t_s,c0,c17\n0,1,7\n600,2,8\n", column: "#c17",
			want: Series{
				Name: "m#c17", Bucket: 10 * time.Minute,
				Requests: []float64{7, 8}, Prompt: []float64{nan, nan}, Output: []float64{nan, nan},
			},
		},
		"single requests, sorted into buckets": {
			file: "r.csv", text: strings.Join(requestsHead, ",") + "\n5000,100,10,1,0,1\n14999,200,20,1,0,1\n27000,50,5,1,0,2\n",
			want: Series{
				Name: "r", Bucket: 10 * time.Second,
				Requests: []float64{2, 0, 1}, Prompt: []float64{300, 0, 50}, Output: []float64{30, 0, 5},
			},
		},
		"Azure tells when it was": {
			file: "az.csv",
			text: azure + "2023-11-16 18:15:46.6805900,374,44\n" +
				"2023-11-16 18:15:57,396,109\n",
			want: Series{
				Name: "az", Bucket: 10 * time.Second, Start: time.Date(2023, 11, 16, 18, 15, 46, 680590000, time.UTC),
				Requests: []float64{1, 1}, Prompt: []float64{374, 396}, Output: []float64{44, 109},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := put(t, t.TempDir(), tc.file, tc.text)
			got, err := Read(path + tc.column)
			if err != nil {
				t.Fatal(err)
			}
			tc.want.File = path
			if d := cmp.Diff(tc.want, got, cmpopts.EquateNaNs()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadRequests(t *testing.T) {
	second := time.Second
	for name, tc := range map[string]struct {
		text string
		want []Request
	}{
		"our own schema": {
			text: strings.Join(requestsHead, ",") + "\n0,6758,500,14,0,1\n1500,600,9,2,2,7\n",
			want: []Request{{0, 6758, 500, 0, 1}, {1500 * time.Millisecond, 600, 9, 600, 7}},
		},
		"Azure 2024, with a zone": {
			text: azure + "2024-05-10 00:00:00.009930+00:00,2162,5\n" +
				"2024-05-10 00:00:01.009930+00:00,2399,6\n",
			want: []Request{{0, 2162, 5, 0, 0}, {second, 2399, 6, 0, 0}},
		},
		"BurstGPT, a failure": {
			text: burst +
				"5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,1087,0,1087,API log\n",
			want: []Request{{0, 472, 18, 0, 0}, {40 * second, 1087, 0, 0, 0}},
		},
		"BurstGPT, other columns in another order": {
			text: "Log Type,Timestamp,Session ID,Response tokens,Request tokens\nAPI log,5.5,a,18.0,472\n",
			want: []Request{{0, 472, 18, 0, 0}},
		},
		"Mooncake: two blocks seen before, the rest new": {
			text: `{"timestamp": 1000, "input_length": 1200, "output_length": 52, "hash_ids": [0, 1, 2]}` + "\n" +
				`{"timestamp": 4000, "input_length": 1500, "output_length": 26, "hash_ids": [0, 1, 3]}` + "\n" +
				`{"timestamp": 4000, "input_length": 300, "output_length": 2, "hash_ids": [0]}` + "\n",
			want: []Request{{0, 1200, 52, 0, 2}, {3 * second, 1500, 26, 1024, 2}, {3 * second, 300, 2, 300, 0}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(put(t, t.TempDir(), "r.gz", tc.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []Request
			for {
				q, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, q)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadFolderWithIndex(t *testing.T) {
	const head = "t_s,requests,prompt_tokens,output_tokens\n"
	dir := t.TempDir()
	put(t, dir, "b.csv", head+"0,0,0,0\n600,4,4,4\n")
	put(t, dir, "a_ss.csv.gz", head+"0,0,0,0\n10,4,4,4\n")
	put(t, dir, "c.csv", head+"0,0,0,0\n600,4,4,4\n")
	put(t, dir, "spot.csv", "t_s,pool\n0,1\n60,2\n")
	put(t, dir, "README.md", "no table")
	put(t, dir, "index.json", `[
		{"file": "b.csv", "origin": "x/y data/b", "note": "sums; zero windows = holes in the source (1 of 2)"},
		{"file": "a_ss.csv.gz", "origin": "drawn from x/y data/b", "note": ""},
		{"file": "c.csv", "origin": "x/z", "note": "start 2021-08-11; a gauge"}]`)
	all, err := ReadAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(all))
	holes := make([]int, len(all))
	for i, s := range all {
		names[i], holes[i] = s.Name, s.Holes()
	}
	if d := cmp.Diff([]string{"a_ss", "b", "c"}, names); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{1, 1, 0}, holes); d != "" {
		t.Error("zeros are holes where the index says so, and in what was drawn from it:", d)
	}
	if want := time.Date(2021, 8, 11, 0, 0, 0, 0, time.UTC); !all[2].Start.Equal(want) {
		t.Errorf("want the start of the index, got %s", all[2].Start)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "want one series, got 3") {
		t.Errorf("got %v", err)
	}
	if _, err := ReadAll(t.TempDir()); err == nil {
		t.Error("want an error for a folder without traces")
	}
	put(t, dir, "d.csv", "what,is,this\n")
	if _, err := ReadAll(dir); err == nil || !strings.Contains(err.Error(), "d.csv:1") {
		t.Errorf("got %v", err)
	}
}

func TestReadSpot(t *testing.T) {
	s, err := ReadSpot(put(t, t.TempDir(), "s.csv", "t_s,us-1a,us-1b\n0,5,0\n60,,2\n180,3,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Spot{
		Name: "s", Tick: time.Minute, Zones: []string{"us-1a", "us-1b"},
		Nodes: [][]float64{{5, nan, nan, 3}, {0, 2, nan, 2}},
	}
	if d := cmp.Diff(want, s, cmpopts.EquateNaNs()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{5, 7, 7, 5}, s.Total()); d != "" {
		t.Error(d)
	}
	if _, err := ReadSpot(put(t, t.TempDir(), "l.csv", "t_s,c1\n0,1\n60,2\n")); err == nil {
		t.Error("a matrix is no spot trace")
	}
}

func TestRatesAtAnotherStep(t *testing.T) {
	s := Series{Bucket: 10 * time.Second, Requests: []float64{10, 20, 30, nan, 40, 50}}
	for name, tc := range map[string]struct {
		step time.Duration
		want []float64
	}{
		"the same":  {10 * time.Second, []float64{1, 2, 3, nan, 4, 5}},
		"shorter":   {5 * time.Second, []float64{1, 1, 2, 2, 3, 3, nan, nan, 4, 4, 5, 5}},
		"longer":    {15 * time.Second, []float64{4.0 / 3, 8.0 / 3, nan, 14.0 / 3}},
		"two whole": {20 * time.Second, []float64{1.5, nan, 4.5}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, s.Rates(tc.step), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestPublicTraces reads everything in the folder of traces beside the repository, if there is one.
func TestPublicTraces(t *testing.T) {
	const dir = "../../../../shared/traces"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED: the public traces are not there (%v); the readers were tried on fixtures only", err)
	}
	all, err := ReadAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	holes := map[string]int{}
	for _, s := range all {
		if n := s.Holes(); n > 0 {
			holes[s.Name] = n
		}
		if s.Len() < 100 || s.Bucket < 10*time.Second || math.IsNaN(Mean(s.Requests)) {
			t.Errorf("%s: %d buckets of %v, mean %g", s.Name, s.Len(), s.Bucket, Mean(s.Requests))
		}
	}
	if d := cmp.Diff(map[string]int{"servegen_m-mid_wk1_600s": 21, "servegen_m-mid_wk1_10s_ss": 1260}, holes); d != "" {
		t.Error("holes:", d)
	}
	for _, name := range []string{"spot_bamboo_aws_p3.csv", "spot_bamboo_gcp_v100.csv"} {
		s, err := ReadSpot(filepath.Join(dir, name))
		if err != nil || len(s.Total()) < 500 {
			t.Errorf("%s: %d ticks, %v", name, len(s.Total()), err)
		}
	}
	s, err := Read(filepath.Join(dir, "mooncake_conv_requests.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, n := range s.Requests {
		total += n
	}
	if total != 12031 {
		t.Errorf("want 12,031 requests, got %g", total)
	}
}
