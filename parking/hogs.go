package parking

import (
	"sync/atomic"
	"time"
)

// Hogs is what the queues of a program know of goroutines that do nothing but compute. Beside
// some a yield takes 10 ms and more, until the scheduler has taken a processor from one of them
// for whoever yields. A queue finds that out by a yield, and then tells all others: they
// do not yield for many times as long, so that such yields take a small part of the time,
// however many queues there are, and however soon a queue is of no use any more.
//
// The zero Hogs is ready for use, and may be used by anyone. A nil Hogs knows nothing, and learns nothing.
type Hogs struct {
	until atomic.Int64 // by clock, in ns: nobody should yield before; 0 if nothing is known
}

// hog is how long a yield takes at least if it is for a goroutine that computes. The scheduler
// stops one after 10 ms at the soonest. If it is a thread that the system has stopped, it is 3
// or 4 ms as a rule.
const hog = 8 * time.Millisecond

// met takes note of a yield that took so long, and of until when nobody should yield then.
func (h *Hogs) met(took, until time.Duration) {
	if h != nil && took >= hog {
		h.until.Store(int64(until))
	}
}

// any reports whether beside has to be asked.
func (h *Hogs) any() bool { return h != nil && h.until.Load() != 0 }

// beside reports whether nobody should yield now.
func (h *Hogs) beside(now time.Duration) bool {
	if !h.any() {
		return false
	}
	until := h.until.Load()
	if int64(now) < until {
		return true
	}
	h.until.CompareAndSwap(until, 0)
	return false
}
