package study

import (
	"fmt"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/idle"
	"github.com/forewarm/forewarm/internal/sim/trace"
)

// KindIdle is the kind of IdleSimulation.
const KindIdle = "IdleSimulation"

// ShippedTenant is the workload that stands in for a recorded matrix of tenants; so many seeds of it are drawn.
const (
	ShippedTenant  = "sparse-tenant"
	shippedTenants = 20
	leastGaps      = 20
)

// IdleCosts are the restart costs of the yardstick, in seconds: three minutes of warm-up and ten minutes' worth of a
// waiting user, or an hour's.
func IdleCosts() []float64 { return []float64{780, 3780} }

// IdleSimulation is what scale-to-zero costs.
type IdleSimulation struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Seed       uint64    `json:"seed"`
	Source     string    `json:"source"`
	Tenants    int       `json:"tenants"`
	Gaps       int       `json:"gaps"` // of a minute and more
	Rows       []IdleRow `json:"rows"`
}

// IdleRow is one rule at one restart cost.
type IdleRow struct {
	Rule      string  `json:"rule"`
	Cost      float64 `json:"restartCostSeconds"`
	Ratio     float64 `json:"costOfOptimum"` // bill / that of who knows the future
	Worst     float64 `json:"worstTenant"`   // the largest of a tenant
	IdleHours float64 `json:"idleHours"`
	Starts    int     `json:"coldStarts"`
}

// Idle runs every rule on the sparse columns of a matrix; on the shipped workload if path is empty.
func Idle(path string, costs []float64, seed uint64) (IdleSimulation, error) {
	out := IdleSimulation{APIVersion: Version, Kind: KindIdle, Seed: seed, Source: path}
	series, err := tenants(path, seed)
	if err != nil {
		return IdleSimulation{}, err
	}
	var sparse []idle.Tenant
	for i, s := range series {
		if idle.Sparse(s.Requests, leastGaps) {
			t := idle.Draw(s.Name, s.Bucket.Seconds(), s.Requests, seed+uint64(i))
			sparse = append(sparse, t)
			out.Gaps += len(t.Gaps())
		}
	}
	if out.Tenants = len(sparse); len(sparse) == 0 {
		return IdleSimulation{}, fmt.Errorf(
			"idle: want a column that is empty half of the time and has %d gaps, got none of %d", leastGaps, len(series))
	}
	if path == "" {
		out.Source = ShippedTenant
	}
	for _, r := range idle.Run(sparse, costs, seed) {
		out.Rows = append(out.Rows, IdleRow{r.Rule, r.Cost, r.Ratio, r.Worst, r.Idle / 3600, r.Starts})
	}
	return out, nil
}

func tenants(path string, seed uint64) ([]trace.Series, error) {
	if path != "" {
		return trace.ReadAll(path)
	}
	n, err := sim.WorkloadNamed(ShippedTenant)
	if err != nil {
		return nil, err
	}
	var out []trace.Series
	for i := range uint64(shippedTenants) {
		s, err := n.Series(seed+i, n.Length)
		if err != nil {
			return nil, fmt.Errorf("draw workload %s: %w", ShippedTenant, err)
		}
		out = append(out, s)
	}
	return out, nil
}
