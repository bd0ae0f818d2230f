// Package study puts recorded or generated load, worlds and policies together, runs them on the fluid simulator
// and returns what came of it as one versioned document. It is what `forewarm simulate` does between its flags
// and its output.
package study
