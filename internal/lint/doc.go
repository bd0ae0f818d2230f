// Package lint judges HorizontalPodAutoscalers and ScaledObjects: what in them
// makes an inference fleet flap, sleep for ever, or ignore what was decided.
//
// It is a list of rules, each a function of its own that reads an Input and says
// Findings. A rule that would need what the input does not have says nothing.
package lint
