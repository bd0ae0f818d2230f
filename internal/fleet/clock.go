package fleet

import "time"

// realTime ages what is watched, whatever time the models live in.
func realTime() time.Time { return time.Now() }
