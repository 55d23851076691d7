package parking

import "sync/atomic"

// Balance weighs the parks of a queue's calls against their yields, and says when none of
// them should yield.
//
// Whoever yields lets everybody run who is ready. With as many goroutines on one side as on
// the other they take turns, and nobody has to park. But with one putter and three getters
// each yield of the putter lets three run, and those that find nothing park: three parks and
// a yield for each time that the ring is filled. If nobody yields, the putter and one getter
// park and wake each other, while the other two, which have been woken, wait for their turn:
// two parks. So if calls park more than half as often as they yield, none yields for a while.
//
// The zero Balance is ready for use, and lets calls yield.
type Balance struct {
	rest  atomic.Bool // calls should not yield; written under the lock
	parks int32       // since rest was decided last; guarded by the lock
	timed uint32      // yields that had been timed then, one in 16; guarded by the lock
}

const (
	weighed   = 64   // parks, which are compared with the yields meanwhile
	worth     = 2    // yields for each of them
	restParks = 1024 // while calls do not yield
)

// Yields reports whether calls may yield. Anyone may call it.
func (b *Balance) Yields() bool { return !b.rest.Load() }

// Park takes note, under the lock, that a call is about to park. gets and puts are the
// Yielders of the queue.
func (b *Balance) Park(gets, puts *Yielder) {
	rest := b.rest.Load()
	if b.parks++; b.parks < weighed || rest && b.parks < restParks {
		return
	}
	timed := gets.timed.Load() + puts.timed.Load()
	b.rest.Store(!rest && (timed-b.timed)*timing < worth*weighed)
	b.parks, b.timed = 0, timed
}
