package backoff

import (
	"testing"
	"time"
)

// TestPausesTakeTime notices when the compiler drops the empty loop: then a
// pause would take as long as a call, a few nanoseconds.
func TestPausesTakeTime(t *testing.T) {
	const n = 1000
	start := time.Now()
	for range n {
		LongPause()
	}
	if each := time.Since(start) / n; each < 500*time.Nanosecond {
		t.Errorf("LongPause took %v, want several microseconds", each)
	}
}
