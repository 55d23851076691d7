// Package backoff is what a goroutine does after it lost a race for a word:
// it keeps away from the cache line for a while. Two processors that work on
// the same line at once cost each other more than a pause costs either
// (docs/design.md, "Waiting policy", has the measurements).
package backoff

import (
	"runtime"

	"github.com/parkring/queue/internal/stall"
)

// Lengths of the pauses, in turns of an empty loop, which take about 0.3 ns
// each on the machines measured.
const (
	pauseTurns = 50    // about 15 ns: between two looks at a slot
	yieldTurns = 2000  // about 0.7 us: a lost claim, or a slot that is being published
	lockTurns  = 20000 // about 6 us: the lock of a crowded queue is taken
)

// Yield is for a caller that lost a claim or met a slot in flight. It pauses
// and then yields the processor, so that the other side finishes even if it
// has been descheduled and there is one processor only. The pause comes first
// because the other side needs only a few instructions more, mostly on another
// processor.
func Yield() {
	stall.At(stall.Backoff)
	spin(yieldTurns)
	runtime.Gosched()
}

// Pause is for a caller that looks again and again whether a slot is ready.
func Pause() { spin(pauseTurns) }

// LongPause is for a caller that found the lock taken while many wait.
func LongPause() { spin(lockTurns) }

// spin takes turns times one turn of an empty loop. The Go compiler keeps
// empty loops; TestPausesTakeTime notices if that changes.
func spin(turns int) {
	for range turns {
	}
}
