package main

import _ "embed" // the schema is part of the binary

// schema is docs/config.schema.json, which internal/config generates; a test
// keeps the copies equal.
//
//go:embed config.schema.json
var schema []byte
