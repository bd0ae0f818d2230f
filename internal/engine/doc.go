// Package engine is the one shell around the pure core: it loads what was seen,
// folds it through Observe, Forecast, Propose and Allocate, and publishes the
// result as one immutable snapshot.
//
//	Source.Load ─▶ Source.At ─▶ Observe ─▶ history ─▶ Forecast ─▶ Propose ─▶ Allocate ─▶ Board
//
// The fold is a function of the aligned moments and of what was known at each,
// nothing else. So a replica that was started a minute ago and replayed its
// history gives the same answers as one that lived through it. A tick whose load
// fails publishes held decisions but does not advance the fold; the moments it
// missed are folded as soon as their data can be had.
package engine
