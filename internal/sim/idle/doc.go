// Package idle measures what scale-to-zero costs: a tenant's gaps between requests, the restart cost C, and rules
// that say after how much idle time tau the last replica goes. A gap g costs g if it ends before tau, else tau + C;
// whoever knows the future pays min(g, C). Costs are in seconds of one replica.
//
// C is the warm-up and what it is worth that nobody waits for it, in the same unit.
package idle
