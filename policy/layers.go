package policy

// layers turns the wanted counts into an order of granting: floors (the
// configured minimum, and everything if the proposal is held) first, then the
// rest, most preferred variant first, each worth the chance that demand within
// the lead exceeds what the layers before it carry.
func layers(d *draft) []Layer {
	var out []Layer
	have := make([]int, len(d.counts))
	add := func(i int, floor bool) {
		value := 1.0
		if !floor && d.f.Known() {
			value = d.f.Exceed(Lead(d.m, d.l, d.in), carriedRequests(d, have))
		}
		have[i]++
		out = append(out, Layer{Variant: i, N: have[i], Value: value, Floor: floor})
	}
	for _, i := range d.order {
		floor := d.m.Variants[i].Min
		if d.hold {
			floor = d.start[i]
		}
		for range min(floor, d.counts[i]) {
			add(i, true)
		}
	}
	for _, i := range d.order {
		for have[i] < d.counts[i] {
			add(i, false)
		}
	}
	return out
}

// carriedRequests is how many requests per second some replicas carry.
func carriedRequests(d *draft, have []int) float64 {
	sum := 0.0
	for i, n := range have {
		sum += float64(n) * d.caps[i].carries(d.perRequest)
	}
	return sum
}
