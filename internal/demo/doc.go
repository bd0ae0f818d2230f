// Package demo shows the whole loop in one process, on loopback and on virtual
// time: no cluster, no Prometheus, no download.
//
//	          ┌─ world A: simulated fleet ─▶ exposition text ─▶ promstore ─▶ HTTP on 127.0.0.1 ─┐
//	requests ─┤       ▲                                                                         ▼
//	          │       └──────────── replicas ◀── Forewarm (configuration, signals, engine) ◀────┘
//	          └─ world B: the same fleet ─▶ exposition text ─▶ plain HPA rule ─▶ replicas
//
// Both worlds live through the same three days under the plain HPA first. Then
// Forewarm replays that history from the store and takes over world A. The
// outcome depends on the seed and the virtual time alone: how fast time passes,
// and where the output goes, change nothing.
//
// See docs/demo.md for what is modelled and what is not.
package demo
