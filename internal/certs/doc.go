// Package certs makes the certificates that Forewarm is installed with: an authority of its own, and leaves
// signed by it. Nothing here reads a file or a cluster.
package certs
