package scaler

import "time"

// systemNow is the wall clock.
func systemNow() time.Time { return time.Now() }
