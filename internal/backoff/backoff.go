// Package backoff is what a goroutine does after it lost a race for a word:
// it keeps away from the cache line for a while. Two processors that work on
// the same line at once cost each other more than a pause costs either
// (docs/design.md, "Waiting policy", has the measurements).
package backoff

import (
	"runtime"

	"github.com/parkring/queue/internal/stall"
)

// Lengths of the pauses, in turns of spin, which take 0.5 to 1 ns each.
const (
	pauseTurns = 20   // between two looks at a slot
	itemTurns  = 11   // what a busy side of a queue takes for an item
	lockTurns  = 200  // the lock is taken
	fightTurns = 6000 // the lock is taken all the time
)

// Variable for tests.
var numCPU = runtime.NumCPU

// Parallel reports whether two goroutines may run at once: GOMAXPROCS may be more than the
// affinity of the program leaves it.
func Parallel() bool { return min(runtime.GOMAXPROCS(0), numCPU()) > 1 }

// Oversubscribed reports whether goroutines may have to wait for a processor although the
// scheduler has given them a thread.
func Oversubscribed() bool { return runtime.GOMAXPROCS(0) > numCPU() }

// Backoff is for a loop of a call that has lost a claim or met a slot in flight, until it has
// not. The other side needs only a few instructions more, mostly on another processor, so it
// pauses at first. If that has not been enough it yields as well, so that the other side finishes
// even if there is one processor only. But the other side may have a thread of its own, which
// the system has stopped in favour of this one: they are on one processor, though there may be
// others, and it would go on when our time slice is over, after 3 to 4 ms. So after
// eight times the thread yields, too.
//
// Its zero value is ready for use.
type Backoff struct{ times int }

const threadYields = 8

// Usual is the pause after a lost claim, or before a slot that is being published, in items:
// 0.7 us.
const Usual = 64

// Wait is for each turn of the loop. It pauses for about as long as the other side takes for so
// many items.
func (b *Backoff) Wait(items int) {
	stall.At(stall.Backoff)
	spin(items * itemTurns)
	if b.times++; b.times > 1 {
		runtime.Gosched()
	}
	if b.times > threadYields {
		yieldThread()
	}
}

// Pause is for a caller that looks again and again whether a slot is ready.
func Pause() { spin(pauseTurns) }

// Locked is for a caller that found the lock taken; long says that it is so all the time.
func Locked(long bool) {
	if long {
		spin(fightTurns)
		return
	}
	spin(lockTurns)
}

// spin takes turns times a multiplication, each of which waits for the one before it:
// three or four cycles on most processors. An empty loop takes one or two, as it
// happens to lie in memory, and looks are sensitive to that.
func spin(turns int) {
	x := uint(1)
	for range turns {
		x *= 2654435761
	}
	if x == 0 { // never, x is odd; but so x is of use, and the compiler keeps the loop
		panic("queue: a product of odd numbers is even")
	}
}
