package signals

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/policy"
)

// served is one model as its series show it.
type served struct {
	preset    Preset
	namespace string // "" = the series have no such label
	model     string // "" = the engine has no model label
	job       string // set where the model label does not tell models apart
	series    []*Series
}

// models groups the gauges into models: by namespace and model label; by job
// where there is no model label or the names belong to nobody in particular.
func (d *discoverer) models(engines []Preset) []*served {
	type key struct{ engine, namespace, model, job string }
	found := map[key]*served{}
	for _, p := range engines {
		modelLabel := d.modelLabel(p)
		for _, name := range loadNames(p) {
			for _, s := range d.window.Select(name) {
				if !inScope(p, s) || !d.recent(s) {
					continue
				}
				k := key{engine: p.Name, namespace: label(s, d.opt.Labels.Namespace)}
				if modelLabel != "" {
					k.model = label(s, modelLabel)
				}
				if k.model == "" || p.NeedsScope {
					k.job = s.Label("job")
				}
				if found[k] == nil {
					found[k] = &served{preset: p, namespace: k.namespace, model: k.model, job: k.job}
				}
				found[k].series = append(found[k].series, s)
			}
		}
	}
	out := d.named(slices.Collect(maps.Values(found)))
	slices.SortFunc(out, func(a, b *served) int {
		return strings.Compare(a.namespace+"\xff"+a.preset.Name+"\xff"+a.model+"\xff"+a.job,
			b.namespace+"\xff"+b.preset.Name+"\xff"+b.model+"\xff"+b.job)
	})
	return out
}

func (d *discoverer) modelLabel(p Preset) string {
	if d.opt.Labels.Model != "" {
		return d.opt.Labels.Model
	}
	return p.ModelLabel
}

// inScope applies the preset's guard against double counts and the labels of its
// rows.
func inScope(p Preset, s *Series) bool {
	if !has(s, p.Scope, p.Mangled) {
		return false
	}
	for _, sig := range []Signal{Running, Pending} {
		for _, m := range p.Signals[sig] {
			if m.Name == s.Name() && has(s, m.Match, p.Mangled) {
				return true
			}
		}
	}
	return false
}

// recent says whether the series had a sample within the look-back.
func (d *discoverer) recent(s *Series) bool {
	last, ok := lastBefore(s, d.at)
	return ok && d.at.Sub(last.T) <= d.opt.Lookback
}

// units are the pods (or what the engine calls a replica) with fresh samples.
func (d *discoverer) units(m *served) (pods []string, havePods bool) {
	set := map[string]bool{}
	havePods = true
	for _, s := range m.series {
		last, _ := lastBefore(s, d.at)
		if d.at.Sub(last.T) > d.opt.Options.MaxAge {
			continue
		}
		name := label(s, d.opt.Labels.Pod)
		if name == "" {
			name, havePods = s.Label("instance"), false
		}
		set[name] = true
	}
	return slices.Sorted(maps.Keys(set)), havePods
}

// found completes one model.
func (d *discoverer) found(m *served) Found {
	f := Found{
		ID: policy.ModelID{Namespace: m.namespace}, Engine: m.preset.Name,
		ModelName: m.model, Labels: d.opt.Labels,
	}
	say := func(format string, args ...any) { f.Assumed = append(f.Assumed, fmt.Sprintf(format, args...)) }
	if m.namespace == "" {
		f.ID.Namespace, f.Labels.Namespace = "default", ""
		say("The series have no %s label: namespace \"default\" is assumed.",
			orElse(d.opt.Labels.Namespace, "namespace"))
	}
	if m.job != "" {
		f.Matchers = map[string]string{"job": m.job}
		if m.preset.NeedsScope {
			say("The names of %s have no prefix: job %q is taken to be one.", m.preset.Name, m.job)
		} else {
			say("The series of %s have no model label: all of job %q is taken for one model.", m.preset.Name, m.job)
		}
	}
	pods, havePods := d.units(m)
	f.Pods = pods
	if len(pods) == 0 {
		f.Silent = d.seen(m)
		say("No fresh samples: the model was last seen more than %s ago.", d.opt.Options.MaxAge)
	}
	if !havePods {
		say("The series have no %s label: each scraped instance is taken for one replica.",
			orElse(d.opt.Labels.Pod, "pod"))
	}
	if m.preset.Maintenance != "" {
		say("%s is in %s.", m.preset.Name, m.preset.Maintenance)
	}
	d.variants(&f, m, havePods)
	f.ID.Name = Slug(orElse(m.model, orElse(firstTarget(f.Variants), orElse(m.job, m.preset.Name))))
	return f
}

func firstTarget(vs []FoundVariant) string {
	if len(vs) == 0 {
		return ""
	}
	return vs[0].Target
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// maxSlug is the length of a DNS label.
const maxSlug = 63

// Slug is a DNS label for a model id: lower case, everything else than letters
// and digits becomes '-'. Ids that are too long keep a short hash of the whole.
func Slug(id string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(id) {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			dash = false
			continue
		}
		dash = true
	}
	s := b.String()
	if s == "" {
		s = "model"
	}
	if len(s) > maxSlug {
		return hashed(s, id)
	}
	return s
}

// hashed appends the first bytes of the id's hash, so that two ids never share a
// slug.
func hashed(slug, id string) string {
	sum := sha256.Sum256([]byte(id))
	tail := "-" + hex.EncodeToString(sum[:3])
	return strings.TrimRight(slug[:min(len(slug), maxSlug-len(tail))], "-") + tail
}

// nameModels gives models of one namespace whose slugs collide a hash of what
// tells them apart; the result does not depend on order.
func nameModels(found []Found) {
	count := map[policy.ModelID]int{}
	for _, f := range found {
		count[f.ID]++
	}
	for i := range found {
		f := &found[i]
		if count[f.ID] > 1 {
			f.ID.Name = hashed(f.ID.Name, f.Engine+"\xff"+f.ModelName+"\xff"+f.Matchers["job"])
		}
	}
}
