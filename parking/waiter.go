package parking

import "github.com/parkring/queue/internal/stall"

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

	prev, next *Waiter[T] // in the List that w is in; guarded by the lock
	index      int32      // of w among those that share choice
	turn       uint8      // of w: how many calls that yield have had it before. Written when w is taken.
	fate       fate       // guarded by the lock while w is listed; the sleeper's after Sleep has returned true
	place      uint8      // of w in the Pool: its number, and setBit. Written when w is taken.
	Yields     bool       // the call has to yield, and call Yielded, before Sleep. Written before w is listed.
}

// fate is what has become of a waiter.
type fate uint8

const (
	served  fate = iota // or it has not been listed yet
	listed              // it is in a List
	refused             // its call ends without having been served
)

// Turn is for Yielder.Start.
func (w *Waiter[T]) Turn() uint8 { return w.turn }

// at returns what own.stage is in this turn. After 256 turns it begins again.
func (w *Waiter[T]) at(stage uint32) uint32 { return (uint32(w.turn)*turns + stage) % (256 * turns) }

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
func (w *Waiter[T]) Listed() bool { return w.fate == listed }

// Yielded comes after a yield by y has ended, and reports whether the Wake that is owed
// to w has come meanwhile: there is nothing to sleep for then. It is for a call with one
// waiter, before its Sleep. If that is of no use again and again it may begin a trial of l;
// moved is as for l.Rest.
//
// A Wake has to send only if the call sleeps, or is about to. Yielded and Wake agree on that
// by stage, which each of them changes in one step: the second finds what the first did.
func (w *Waiter[T]) Yielded(y *Yielder, l *Looker, moved func() uint64) bool {
	if w.own.stage.Load() == w.at(woken) {
		return y.Helped(true)
	}
	stall.At(stall.WaiterToSleep)
	if y.Helped(!w.own.stage.CompareAndSwap(w.at(awake), w.at(asleep))) {
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
	if w.Yields {
		awake := w.at(awake)
		if c.stage.Swap(w.at(woken)) == awake {
			return // w is its call's again, which does not sleep
		}
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
