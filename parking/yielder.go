package parking

import (
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
//     timed, and a long one counts as many of no use.
//
// The zero Yielder is ready for use. All methods may be called by anyone; what is
// lost in a race is a count that is off by one.
type Yielder struct {
	trust  atomic.Int32 // so many calls yield without looking at the clock
	rest   atomic.Int32 // so many calls do not yield
	misses atomic.Int32 // so many yields were of no use, in a row
}

// longYield is what is long. Variable for tests.
var longYield = 50 * time.Microsecond

const (
	longMisses = 12 // as many as one long yield counts
	mostMisses = 18
	trusted    = 15
	someRest   = 64
)

// Yield yields, or not, and reports whether it has. The caller has to report by
// Helped, then.
func (y *Yielder) Yield() bool {
	if !y.Due() {
		return false
	}
	y.yield()
	return true
}

// Due reports whether the next call should yield. It is for calls that yield later.
func (y *Yielder) Due() bool {
	if n := y.rest.Load(); n > 0 {
		y.rest.Store(n - 1)
		return false
	}
	return true
}

// yield yields, and sees to it that long yields are noticed.
func (y *Yielder) yield() {
	stall.At(stall.Backoff)
	if n := y.trust.Load(); n > 0 {
		y.trust.Store(n - 1)
		runtime.Gosched()
		return
	}
	start := clock()
	runtime.Gosched()
	if clock()-start > longYield && !stall.Enabled { // a schedule must not depend on the clock
		y.miss(longMisses)
	} else {
		y.trust.Store(trusted)
	}
}

// Helped says whether the yield was of use, and returns that.
func (y *Yielder) Helped(did bool) bool {
	switch {
	case !did:
		y.miss(1)
	case y.misses.Load() > 0 && y.rest.Load() == 0:
		y.misses.Store(0)
	}
	return did
}

func (y *Yielder) miss(n int32) {
	n = min(y.misses.Load()+n, mostMisses)
	y.misses.Store(n)
	y.rest.Store(1 << n >> 2)
}

// Rest has the next calls not yield.
func (y *Yielder) Rest() {
	if y.rest.Load() < someRest/2 {
		y.rest.Store(someRest)
	}
}
