package policy

// layers turns the wanted counts into an order of granting: floors (the
// configured minimum, and everything if the proposal is held) first, then the
// rest, most preferred variant first, each worth the chance that demand within
// the lead exceeds what the layers before it carry.
func layers(d *draft) []Layer {
	d.layers, d.asked, d.per = d.layers[:0], zeros(d.asked, len(d.counts)), resized(d.per, len(d.counts))
	have := d.asked
	for i := range d.per {
		d.per[i] = d.caps[i].carries(d.perRequest)
	}
	for _, i := range d.order {
		floor := d.m.Variants[i].Min
		if d.hold {
			floor = d.start[i]
		}
		for range min(floor, d.counts[i]) {
			have[i]++
			d.layers = append(d.layers, Layer{Variant: i, N: have[i], Value: 1, Floor: true})
		}
	}
	exceed := d.f.Exceeding(d.lead())
	for _, i := range d.order {
		for have[i] < d.counts[i] {
			value := 1.0
			if d.f.Known() {
				value = exceed.At(carried(d.per, have))
			}
			have[i]++
			d.layers = append(d.layers, Layer{Variant: i, N: have[i], Value: value})
		}
	}
	return d.layers
}

// carried is how many requests per second some replicas carry.
func carried(per []float64, have []int) float64 {
	sum := 0.0
	for i, n := range have {
		sum += float64(n) * per[i]
	}
	return sum
}
