//go:build !unix

package workload

import "time"

// cpu returns the processor time that this process has used, if it can be known.
func cpu() (time.Duration, bool) { return 0, false }
