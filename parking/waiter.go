package parking

import (
	"time"

	"github.com/parkring/queue/internal/stall"
)

// Waiter is one waiting call: a channel to sleep on, and the item that it
// brings or is waiting for.
//
// A waiter is listed, by the call that is about to sleep, and unlisted exactly
// once: by whoever serves it, who then owes it one Wake, or by the call itself
// when it gives up, which gets none.
//
// A call that waits for one of several things has a waiter in each of several
// lists, and a [Choice] that all of them share.
type Waiter[T any] struct {
	// Item is what a waiting put brings, taken out by its server, or what a
	// waiting get receives, put in by its server. Guarded by the lock while w is
	// listed; the sleeper's after Sleep has returned true.
	Item T
	// rest are the items that a waiting put brings beside Item; nil if w has never
	// brought any. Like Item. It is not in place, so that with a small Item all of w
	// fits a cache line, which two processors pass to and fro.
	rest *[]T

	// own is what the call sleeps on, and choice what it shares with its other
	// waiters, or nil if there are none. Written before w is listed.
	own    Choice
	choice *Choice

	prev, next *Waiter[T] // in the List that w is in, guarded by the lock; or in the Pool
	index      int32      // of w among those that share choice
	listed     bool       // w is in a List; guarded by the lock
	home       home       // where w goes in the Pool; set when w is made
	refused    bool       // the call ends without having been served. Like Item.
	Yields     bool       // the call has to yield, and call Yielded, before Sleep. Written before w is listed.
}

// home says where a waiter goes that is given back.
type home uint8

const (
	nowhere home = iota // it is used once
	inPlace             // it is kept in place
	onStack
)

// Bring makes w, which is not listed yet, bring *v and then rest.
func (w *Waiter[T]) Bring(v *T, rest []T) {
	w.Item = *v
	if w.rest != nil {
		*w.rest = rest
	} else if len(rest) > 0 {
		kept := rest
		w.rest = &kept
	}
}

// Left returns how many items w still brings beside Item.
func (w *Waiter[T]) Left() int {
	if w.rest == nil {
		return 0
	}
	return len(*w.rest)
}

// Listed reports whether w is still in its list, so not served. It needs the
// lock.
func (w *Waiter[T]) Listed() bool { return w.listed }

// Yielded ends a yield by y, which began at start, and reports whether the Wake that is owed
// to w has come meanwhile: there is nothing to sleep for then. It is for a call with one
// waiter, before its Sleep. If that is of no use again and again it may begin a trial of l;
// moved is as for l.Rest.
//
// A Wake has to send only if the call sleeps, or is about to. Yielded and Wake agree on that
// by stage, which each of them changes in one step: the second finds what the first did.
func (w *Waiter[T]) Yielded(start time.Duration, y *Yielder, l *Looker, moved func() uint64) bool {
	y.End(start, l)
	if w.own.stage.Load() == woken {
		return y.Helped(true)
	}
	stall.At(stall.WaiterToSleep)
	if y.Helped(!w.own.stage.CompareAndSwap(awake, asleep)) {
		return true
	}
	if l.eager.Load() && y.misses.Load() >= 2 {
		l.TryLooks(moved)
	}
	return false
}

// Sleep is Choice.Sleep for a call with one waiter. If it returns false the caller
// must find out, under the lock, whether w is still listed.
func (w *Waiter[T]) Sleep(done <-chan struct{}) bool { return w.own.Sleep(done) }

// Wake ends w's Sleep, or lets the next one return at once. It never blocks.
// Only the goroutine that unlisted w to serve it may call it, once, and after
// it has released the lock. It synchronizes before the return of that Sleep.
func (w *Waiter[T]) Wake() {
	stall.At(stall.WaiterWake)
	c := w.choice
	if c == nil {
		c = &w.own
	}
	if w.Yields && c.stage.Swap(woken) == awake {
		return // w is its call's again, which does not sleep
	}
	stall.At(stall.WaiterSend)
	c.wake <- struct{}{}
}

// Take moves the first item out of w to *v, for the server of a waiting put, and
// reports whether w brings more.
func (w *Waiter[T]) Take(v *T) (more bool) {
	*v = w.Item
	if w.Left() == 0 {
		return false
	}
	w.Item, *w.rest = (*w.rest)[0], (*w.rest)[1:]
	return true
}
