package trace

import (
	"regexp"
	"slices"
	"strings"
)

// format is one of the schemas.
type format int

const (
	formatUnknown format = iota
	formatLoad
	formatMatrix
	formatRequests
	formatSpot
	formatAzure
	formatBurstGPT
	formatMooncake
)

var (
	loadHead     = []string{"t_s", "requests", "prompt_tokens", "output_tokens"}
	requestsHead = []string{"t_ms", "prompt_tokens", "output_tokens", "blocks512", "prefix_hit_blocks", "session"}
	azureHead    = []string{"TIMESTAMP", "ContextTokens", "GeneratedTokens"}
	burstHead    = []string{"Timestamp", "Request tokens", "Response tokens"}
	client       = regexp.MustCompile(`^c[0-9]+$`)
)

// detect finds the format from the first line, and the columns if it is a header.
func detect(first string) (format, []string) {
	if strings.HasPrefix(strings.TrimSpace(first), "{") {
		return formatMooncake, nil
	}
	head := strings.Split(first, ",")
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	switch {
	case slices.Equal(head, loadHead), slices.Equal(head, append(loadHead[:4:4], "active_clients")):
		return formatLoad, head
	case slices.Equal(head, requestsHead):
		return formatRequests, head
	case slices.Equal(head, azureHead):
		return formatAzure, head
	case hasAll(head, burstHead):
		return formatBurstGPT, head
	}
	return columnsOnly(head), head
}

// columnsOnly tells the formats whose columns have names of their own.
func columnsOnly(head []string) format {
	switch {
	case len(head) < 2 || head[0] != "t_s" || slices.Contains(head, "") || repeats(head):
		return formatUnknown
	case !slices.ContainsFunc(head[1:], func(c string) bool { return !client.MatchString(c) }):
		return formatMatrix
	case slices.Contains(head, "requests"):
		return formatUnknown // a load header with something missing is no list of zones
	default:
		return formatSpot
	}
}

func hasAll(head, want []string) bool {
	for _, w := range want {
		if !slices.Contains(head, w) {
			return false
		}
	}
	return true
}

func repeats(head []string) bool {
	sorted := slices.Sorted(slices.Values(head))
	return len(slices.Compact(sorted)) < len(head)
}

const knownFormats = "the header of a load, load-matrix, requests or spot trace, of Azure LLM inference or of " +
	"BurstGPT, or a line of Mooncake JSON"
