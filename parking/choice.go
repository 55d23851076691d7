package parking

import (
	"sync/atomic"

	"github.com/parkring/queue/internal/stall"
)

// Choice is a call that waits in several lists, and is served in one of them:
// whoever is about to serve one of its waiters has to win it first. It needs no
// lock, so the lists may have one each.
type Choice struct {
	// wake holds the one Wake that is owed. A channel, because it is what a
	// context can be waited for beside, what testing/synctest and the goroutine
	// leak profile understand, and the cheapest sleep Go has.
	wake chan struct{}
	// taken is open until one of the waiters is served, or the call gives up; then
	// its index, or gone. Set to open by the call before it lists the first waiter,
	// and by compare-and-swap to something else, once.
	taken atomic.Int32
	// stage is how far the wait has got, in this turn of the waiter. It stays awake if the
	// call does not yield.
	stage atomic.Uint32
}

// What taken is if it is not the index of a waiter.
const (
	open = -1 - iota
	gone
)

// What stage is in the first turn of a waiter, and turns more in each later one. A turn ends
// woken, which is awake in the next one, so that nobody has to write what it is at first.
const (
	awake  = iota // the call does not sleep yet
	asleep        // it does, or is about to, so that its Wake has to send
	woken         // it need not sleep: its Wake has come before
	turns  = woken
)

// Sleep blocks until the Wake that is owed to one of the waiters, and returns
// true, or until done is closed, and returns false. A nil done is never closed. The
// sleeping goroutine is parked and uses no processor; in a testing/synctest bubble
// it is durably blocked.
func (c *Choice) Sleep(done <-chan struct{}) bool {
	stall.At(stall.WaiterSleep)
	if stall.Enabled {
		if woken, did := stall.Sleep(c.wake, done); did {
			return woken
		}
	}
	if done == nil {
		<-c.wake // half the price of a select
		return true
	}
	select {
	case <-c.wake:
		return true
	case <-done:
		return false
	}
}

// GiveUp reports whether the call has been served nowhere; nobody serves it then.
// If it has been, a Wake is under way.
func (c *Choice) GiveUp() bool {
	stall.At(stall.ChoiceGiveUp)
	return c.taken.CompareAndSwap(open, gone)
}

// Served returns the index of the waiter that has been served. There must be one.
func (c *Choice) Served() int { return int(c.taken.Load()) }

// Share makes w a waiter of the choice c, the index-th of its waiters, before w is
// listed. If c is nil, w is the first, and its own choice is what they share. It
// returns that.
func (w *Waiter[T]) Share(c *Choice, index int) *Choice {
	if c == nil {
		c = &w.own
		c.taken.Store(open)
	}
	w.choice, w.index = c, int32(index)
	return c
}

// win reports whether w may be served: it is alone, or the first of its choice. It
// is the instant at which that call takes effect. It needs the lock.
func (w *Waiter[T]) win() bool {
	if w.choice == nil {
		return true
	}
	stall.At(stall.ChoiceWin)
	return w.choice.taken.CompareAndSwap(open, w.index)
}
