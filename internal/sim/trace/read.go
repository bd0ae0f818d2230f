package trace

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// RequestBucket is the bucket into which Read sorts traces of single requests.
const RequestBucket = 10 * time.Second

// Read reads one series. FILE#c17 is one column of a load matrix; a folder or a matrix with several
// series is for ReadAll.
func Read(path string) (Series, error) {
	all, err := ReadAll(path)
	if err != nil {
		return Series{}, err
	}
	if len(all) != 1 {
		hint := filepath.Join(path, all[0].Name)
		if cut := strings.LastIndexByte(all[0].Name, '#'); cut > 0 {
			hint = path + all[0].Name[cut:]
		}
		return Series{}, fmt.Errorf("read trace %s: want one series, got %d: name one (%s) or read all", path,
			len(all), hint)
	}
	return all[0], nil
}

// ReadAll reads the series of a file, of a matrix column by column, or of the files of a folder in
// the order of their names. A folder's request and spot traces, and files that are no tables, are left out.
func ReadAll(path string) ([]Series, error) {
	info, err := os.Stat(path)
	file, column := path, ""
	if err != nil {
		if cut := strings.LastIndexByte(path, '#'); cut > 0 {
			file, column = path[:cut], path[cut+1:]
			info, err = os.Stat(file)
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("open trace: %w", err)
	case info.IsDir():
		return readFolder(file)
	default:
		return readFile(file, column, true)
	}
}

func readFolder(dir string) ([]Series, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open traces: %w", err)
	}
	var out []Series
	var errs []error
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".gz")
		if e.IsDir() || (filepath.Ext(name) != ".csv" && filepath.Ext(name) != ".jsonl") {
			continue
		}
		all, err := readFile(filepath.Join(dir, e.Name()), "", false)
		if err != nil {
			errs = append(errs, err)
		}
		out = append(out, all...)
	}
	if len(out) == 0 && len(errs) == 0 {
		return nil, fmt.Errorf("open traces %s: want .csv or .jsonl files with load, got none", dir)
	}
	return out, errors.Join(errs...)
}

// readFile reads the series of one file. Unless it was named, a request or spot trace has none.
func readFile(path, column string, named bool) (out []Series, err error) {
	l, err := openLines(path, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if !l.next() {
		return nil, errors.Join(fmt.Errorf("read trace %s: want %s, got an empty file", path, knownFormats), l.fail())
	}
	kind, head := detect(l.text)
	switch kind {
	case formatLoad, formatMatrix:
	case formatUnknown:
		return nil, l.wrong("", knownFormats, l.text)
	case formatSpot:
		if named {
			return nil, fmt.Errorf("read trace %s: want load, got spot capacity: read it as a spot trace", path)
		}
		return nil, nil
	case formatRequests, formatAzure, formatBurstGPT, formatMooncake:
		if !named {
			return nil, nil
		}
		s, err := bucketFile(path)
		return []Series{s}, err
	}
	return readTable(path, column, kind, head)
}

// readTable reads a load or matrix file anew, with the cap on what is held in memory.
func readTable(path, column string, kind format, head []string) (out []Series, err error) {
	l, err := openLines(path, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	l.next()
	columns := len(head) - 1
	if kind == formatLoad {
		columns = 3
	}
	g, err := readGrid(l, head, columns)
	if err != nil {
		return nil, err
	}
	bucket, err := g.spread(path)
	if err != nil {
		return nil, err
	}
	about := indexOf(path)
	base := Series{Name: stem(path), File: path, Bucket: bucket, Start: about.start}
	if kind == formatLoad {
		base.Requests, base.Prompt, base.Output = g.cols[0], g.cols[1], g.cols[2]
		out = []Series{base}
	} else {
		out = columnsOf(base, head, g)
	}
	if about.zerosAreHoles {
		for _, s := range out {
			s.blank()
		}
	}
	return pick(out, path, column)
}

// columnsOf makes a series of each column of a matrix.
func columnsOf(base Series, head []string, g grid) []Series {
	none := unknowns(len(g.cols[0])) // shared: nothing is known of tokens
	var out []Series
	for c, v := range g.cols {
		s := base
		s.Name += "#" + head[c+1]
		s.Requests, s.Prompt, s.Output = v, none, none
		out = append(out, s)
	}
	return out
}

// pick chooses the column that was asked for.
func pick(all []Series, path, column string) ([]Series, error) {
	if column == "" {
		return all, nil
	}
	i := slices.IndexFunc(all, func(s Series) bool { return strings.HasSuffix(s.Name, "#"+column) })
	if i < 0 {
		return nil, fmt.Errorf("read trace %s: want one of its %d columns, got %q", path, len(all), column)
	}
	return all[i : i+1], nil
}

// blank makes holes of the buckets without requests.
func (s Series) blank() {
	for i, x := range s.Requests {
		if x == 0 {
			s.Requests[i], s.Prompt[i], s.Output[i] = math.NaN(), math.NaN(), math.NaN()
		}
	}
}

// stem is the name of a file without folder and endings.
func stem(path string) string {
	base := strings.TrimSuffix(filepath.Base(path), ".gz")
	return strings.TrimSuffix(base, filepath.Ext(base))
}
