package sim

// Adopt opens a replica that somebody else started, under its name there, in a variant: a real cluster,
// whose pods this fleet only fills with life. It is warm, and lives until Dismiss.
func (f *Fleet) Adopt(variant int, name string) *Pod {
	uid := newUID(f.names)
	p := &Pod{
		name: name, uid: uid, variant: variant, key: hashName(name),
		kube:    pairs("namespace", f.cfg.Namespace, "pod", name, "uid", uid),
		labels:  engineLabels(f.cfg.Model),
		created: f.now, placed: true, placedAt: f.now, readyAt: f.now, killAt: never,
	}
	f.pods = append(f.pods, p)
	f.makeReady(p)
	return p
}

// Dismiss ends an adopted replica. It finishes what it has, out of sight, unless it is killed.
func (f *Fleet) Dismiss(p *Pod, killed bool) {
	if p.state != Ready {
		return
	}
	f.stop(p)
	if killed && p.state == Draining {
		p.killAt = f.now
		f.changeStates()
	}
	f.sweep()
}
