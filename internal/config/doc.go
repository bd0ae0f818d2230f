// Package config turns the configuration file, and models that were discovered
// or declared elsewhere, into one Registry of typed, checked models.
//
//	file ─▶ Parse ─▶ Config ─┐
//	discovery ─▶ []Model ────┼─▶ defaults ─▶ checks ─▶ Registry
//	ScaledObjects ─▶ []Model ┘
//
// Reading is strict: unknown and duplicate keys are refused, every problem is
// reported at once, and each names its field, what was wanted and what was there.
// Nothing here reads a clock, and secrets never appear in errors or in output.
package config
