// Package report draws a simulation as one HTML page that needs nothing else: no script, no network, charts as
// inline SVG.
package report
