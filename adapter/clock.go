package adapter

import "time"

// realTime measures latencies, whatever time the models live in.
func realTime() time.Time { return time.Now() }
