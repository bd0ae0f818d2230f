// Package app wires the parts together: sources, discovery, configuration,
// engine. It is what the command and the demo run.
//
//	Open ─▶ (config file | discovery) ─▶ config.Registry ─▶ engine ─▶ Report
//
// Found and configured models take one path, so the same defaults and checks hold
// for both; what discovery had to assume is kept and shown.
package app
