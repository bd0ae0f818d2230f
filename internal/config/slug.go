package config

import "strings"

// Slug makes a DNS label of a model id: its last path element, lower-case, with
// runs of other characters as one dash. Two ids may share a slug; the caller
// must tell them apart.
func Slug(modelID string) string {
	const longest = 63
	s := modelID
	if i := strings.LastIndexByte(strings.TrimRight(s, "/"), '/'); i >= 0 {
		s = s[i+1:]
	}
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	out := b.String()
	out = strings.Trim(out[:min(len(out), longest)], "-")
	if out == "" {
		return "model"
	}
	return out
}
