package parking

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/parkring/queue/internal/stall"
)

// Yielder has calls that are about to wait yield their processor first, once, as
// long as that is of use. If somebody of the other side is ready to run, a yield
// gives it its turn for less than it costs to be parked and woken; and when it has
// had it, there are several items, or there is room for several.
//
// It knows nothing of that in advance, and so goes by what happened last:
//
//   - After a yield that was of no use calls do not yield for a while, which is the
//     longer the more of them there were in a row.
//   - Whoever yields goes to the end of the line of all goroutines that are ready,
//     where one that was parked and is woken goes to the front. Beside goroutines
//     that only compute, a yield may take 10 ms and more. So one yield in 16 is
//     timed, and after a long one calls do not yield for many times as long, so that yields
//     take a small part of the time, whatever else the program does. The Looker of the
//     same queue keeps that time, for all its Yielders; and [Program], for all queues.
//
// A call asks whether it is Due, and then does
//
//	y.End(Yield(y.Start(turn)), l, flow)
//
// and reports by Helped. The yield is in the call itself, because no processor foresees a
// return across it, so the fewer functions have to return after it the better.
//
// The zero Yielder is ready for use. All methods may be called by anyone; what is
// lost in a race is a count that is off by one.
type Yielder struct {
	timed  atomic.Uint32 // yields that have looked at the clock, ever
	short  atomic.Bool   // the last of these was short
	rest   atomic.Int32  // so many calls do not yield
	misses atomic.Int32  // so many yields were of no use, in a row
}

// longYield is what is long. Variable for tests.
var longYield = 50 * time.Microsecond

const (
	mostMisses = 18
	timing     = 16
	restAfter  = 64
	untimed    = 256 // calls between two looks at whether the rest after a long yield is over
)

// Due reports whether the next call should yield. l is the Looker of the same queue.
func (y *Yielder) Due(l *Looker) bool {
	if n := y.rest.Load(); n > 0 {
		y.rest.Store(n - 1)
		return false
	}
	if l.hogged.Load() != 0 || l.program.hogs() {
		now := clock()
		if int64(now) < l.hogged.Load() || l.program.beside(now) {
			y.rest.Store(untimed)
			return false
		}
		l.hogged.Store(0)
	}
	return true
}

// Start begins a yield: it returns when that was if it is to be timed, or something negative.
// One turn in 16 is, and any after a long one. It is the turn of the call's waiter, or AnyTurn.
func (y *Yielder) Start(turn uint8) time.Duration {
	stall.At(stall.Backoff)
	if turn%timing != 0 && y.short.Load() {
		return -1
	}
	y.timed.Add(1)
	return clock()
}

// AnyTurn returns a random turn, for Start.
func AnyTurn() uint8 { return uint8(stall.Random(rand.Uint64)) }

// Yield yields, and returns start. It is inlined.
func Yield(start time.Duration) time.Duration {
	runtime.Gosched()
	return start
}

// End ends a yield, which began at start, and sees to it that long ones are noticed. It asks
// flow, if that is not nil, whether items have moved fast meanwhile, until now: then it was calls
// of this queue that took so long, one after the other.
func (y *Yielder) End(start time.Duration, l *Looker, flow func(start, now time.Duration) bool) {
	if start >= 0 {
		y.end(start, l, flow) // apart, so that End is inlined
	}
}

func (y *Yielder) end(start time.Duration, l *Looker, flow func(start, now time.Duration) bool) {
	now := clock()
	took := now - start
	long := took > longYield && !stall.Enabled // a schedule must not depend on the clock
	if long && flow != nil {
		long = !flow(start, now)
	}
	if long {
		times := min(took/(2*longYield), longRest) // few at first: the system may stop a thread for 0.1 ms
		over := now + min(times*took, mostRest)
		l.hogged.Store(int64(over))
		l.program.long(start, now, over)
	}
	if y.short.Load() == long {
		y.short.Store(!long)
	}
}

// Helped says whether the yield was of use, and returns that.
func (y *Yielder) Helped(did bool) bool {
	switch {
	case !did:
		n := min(y.misses.Load()+1, mostMisses)
		y.misses.Store(n)
		y.rest.Store(1 << n >> 2)
	case y.misses.Load() > 0 && y.rest.Load() == 0:
		y.misses.Store(0)
	}
	return did
}

// Forget has calls yield again, whatever yields have been of use for.
func (y *Yielder) Forget() {
	y.rest.Store(0)
	y.misses.Store(0)
}

// Rest has the next calls not yield.
func (y *Yielder) Rest() {
	if y.rest.Load() < restAfter/2 {
		y.rest.Store(restAfter)
	}
}
