// Package backtest puts a fleet's own history beside what autoscalers would have made of it.
//
//	Prometheus ─▶ signals.Reader ─▶ History ─▶ capacity, warm-up ─▶ fluid.Course ─▶ Report
//
// History is read through the code that the server reads with, in bounded chunks. Demand becomes a fluid load;
// the fleet as it was, the rivals, the real product and the clairvoyant are then scored by one function on the
// same moments. A moment whose demand or replicas are not known is scored for nobody, and counted.
package backtest
