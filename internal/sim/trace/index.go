package trace

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// about is what an index.json beside a file adds to it.
type about struct {
	start         time.Time
	zerosAreHoles bool
}

// entry is one file of an index.
type entry struct {
	File   string `json:"file"`
	Origin string `json:"origin"`
	Note   string `json:"note"`
}

const (
	maxIndex = 4 << 20 // bytes
	// zeroNote marks a trace whose zeros are windows that the source lacks.
	zeroNote = "zero windows = holes in the source"
)

var startNote = regexp.MustCompile(`\bstart ([0-9]{4}-[0-9]{2}-[0-9]{2})\b`)

// indexOf looks a file up in the index of its folder. Without an index, or with one that cannot be
// read, nothing is added: zeros then are zeros. What was drawn from a source with holes has them too.
func indexOf(path string) about {
	dir, file := filepath.Split(path)
	name := filepath.Join(dir, "index.json")
	if info, err := os.Stat(name); err != nil || info.Size() > maxIndex {
		return about{}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return about{}
	}
	var entries []entry
	if json.Unmarshal(b, &entries) != nil {
		return about{}
	}
	return lookUp(entries, file)
}

func lookUp(entries []entry, file string) about {
	var out about
	for _, e := range entries {
		if e.File != file {
			continue
		}
		if m := startNote.FindStringSubmatch(e.Note); m != nil {
			if t, err := time.Parse(time.DateOnly, m[1]); err == nil {
				out.start = t
			}
		}
		for _, o := range entries {
			if strings.Contains(o.Note, zeroNote) && o.Origin != "" && strings.HasSuffix(e.Origin, o.Origin) {
				out.zerosAreHoles = true
			}
		}
	}
	return out
}
