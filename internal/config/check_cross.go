package config

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// cross checks what is true of one part only in view of the others.
func (c *checker) cross(cfg *Config) {
	c.sourceNames(cfg)
	c.budgetNames(cfg)
	first := map[string]string{}
	for i := range cfg.Models {
		m, path := &cfg.Models[i], index("models", i)
		c.once(first, "model "+m.Namespace+"/"+m.Name, path+".name",
			"a name that is unique in namespace "+m.Namespace, m.Name)
		c.variantNames(first, m, path)
	}
	c.served(cfg)
}

// once reports the second use of a key, naming the first.
func (c *checker) once(first map[string]string, key, path, want, got string) {
	if at, seen := first[key]; seen && got != "" {
		c.add(path, "want %s, got %s again (as %s)", want, quote(got), at)
		return
	}
	first[key] = path
}

func (c *checker) sourceNames(cfg *Config) {
	first := map[string]string{}
	var names []string
	for i, s := range cfg.Sources {
		c.once(first, s.Name, index("sources", i)+".name", "a unique name", s.Name)
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		if len(cfg.Models) > 0 {
			c.warn("sources", "none given: name a Prometheus on the command line")
		}
		names = []string{DefaultSource}
	}
	if slices.Contains(names, "") {
		return // a source without a name was reported; which models mean it is open
	}
	for i, m := range cfg.Models {
		c.oneOf(index("models", i)+".source", "a source", m.Source, names)
	}
}

func (c *checker) budgetNames(cfg *Config) {
	products := map[string]bool{}
	for _, m := range cfg.Models {
		for _, v := range m.Variants {
			products[v.GPUs.Product] = true
		}
	}
	first := map[string]string{}
	for i, b := range cfg.Budgets {
		path := index("budgets", i)
		c.once(first, b.Name, path+".name", "a unique name", b.Name)
		if b.Product != "" && len(cfg.Models) > 0 && !products[b.Product] {
			known := slices.DeleteFunc(slices.Sorted(maps.Keys(products)), func(p string) bool { return p == "" })
			c.warn(path+".product", "%s", unknown("no variant uses "+b.Product, b.Product, known))
		}
	}
}

// variantNames checks that names are unique in the model, and that no object is
// scaled by two variants.
func (c *checker) variantNames(first map[string]string, m *Model, path string) {
	names := map[string]string{}
	for i, v := range m.Variants {
		at := index(path+".variants", i)
		c.once(names, v.Name, at+".name", "a name that is unique in the model", v.Name)
		group := v.Target.APIVersion
		if gv, err := schema.ParseGroupVersion(group); err == nil {
			group = gv.Group // two versions of one group are one object
		}
		key := "target " + group + "/" + v.Target.Kind + " " + m.Namespace + "/" + v.Target.Name
		c.once(first, key, at+".target.name", "a target that no other variant scales", v.Target.Name)
	}
}

// served checks that no series belongs to two models.
func (c *checker) served(cfg *Config) {
	type place struct{ source, namespace, engine string }
	byPlace := map[place][]int{}
	for i, m := range cfg.Models {
		at := place{m.Source, m.Namespace, m.Engine}
		for _, j := range byPlace[at] {
			if c.overlap(cfg, j, i) {
				break
			}
		}
		byPlace[at] = append(byPlace[at], i)
	}
}

// overlap reports the later of two models in one place that match the same series.
func (c *checker) overlap(cfg *Config, earlier, later int) bool {
	a, b := &cfg.Models[earlier], &cfg.Models[later]
	same := a.ModelName == b.ModelName
	if !same && a.ModelName != "" && b.ModelName != "" || apart(a.Matchers, b.Matchers) {
		return false
	}
	path := index("models", later) + ".modelName"
	switch {
	case same && b.ModelName != "":
		c.add(path, "want a model that models[%d] does not serve already in namespace %s on %s, got %s",
			earlier, b.Namespace, b.Engine, b.ModelName)
	default:
		c.add(path, "want modelName on both this and models[%d], which share namespace %s and engine %s; got %s and %s",
			earlier, b.Namespace, b.Engine, quote(b.ModelName), quote(a.ModelName))
	}
	return true
}

// apart says that no series can satisfy both sets of matchers.
func apart(a, b map[string]string) bool {
	for k, v := range a {
		if w, ok := b[k]; ok && v != w {
			return true
		}
	}
	return false
}
