package lockfree

import (
	"sync/atomic"

	"github.com/parkring/queue/internal/stall"
)

// Batches: one claim, and one store of a stamp, for up to 64 items.
//
// Idea: the stamp of a slot may begin a run, and say so for the slots that
// follow. full(p)+r means that the slots of the positions p to p+r are full,
// free(p)+r that they are free for them. A batch claims consecutive positions by
// one compare-and-swap, fills or empties their slots, and stores the stamp of the
// first one, with the others as its run. The stamps of those keep what they were:
// a stale stamp, for a position that is over, which nobody believes.
//
// Who claims only a part of a run makes the rest of it a run of its own first,
// by the stamp of the slot at which the rest begins (pass). So each slot comes to
// have its own stamp when it is needed, and single calls meet batches at the price
// of one compare-and-swap more.
//
//	put of k  1. t = tail; walk over free runs from t: n <= k slots
//	          2. a run goes on beyond them: pass on its rest
//	          3. claim: CAS tail from t to t+n        takes effect, item by item
//	          4. fill the slots
//	          5. stamp of the first = full(t)+(n-1)   publishes all of them
//
// and a get of k the same with head, full, and free(h + one lap).
//
// Why pass is right. What it writes is true for good: when the word was w, the
// run stood in the slot of w. It could be late, and write over a stamp that is
// newer. So it loads the old stamp, then sees that the word is still w, so that
// nothing after that position has been claimed and the old stamp is the right one
// or stale; and then replaces just that old stamp. If it is late even then, the
// slot has been taken in the middle of a batch meanwhile, its stamp is stale
// anyway, and a stale stamp is replaced by a stale stamp. A stamp never comes
// back, so there is no ABA. docs/formal has the model.

// TryPutBatch attempts once to put the items of vs in, in order. It returns how
// many are in, at most 64, and OK if there are any; if not, what TryPut would
// return. vs must not be empty. It takes effect when tail moved, at one instant.
func (r *Ring[T]) TryPutBatch(vs []T) (int, State) {
	t := r.tail.Load()
	if r.index(t) >= uint64(len(r.slots)) {
		return 0, Unmade
	}
	stall.At(stall.PutStamp)
	n, ok := r.claim(&r.tail, t, t, len(vs))
	switch {
	case !ok:
		return 0, Busy
	case n == 0:
		return 0, r.NotPut()
	}
	stall.At(stall.PutWrite)
	i := r.index(t)
	for _, v := range vs[:n] {
		r.slots[i].val = v
		if i += r.stride(); i == uint64(len(r.slots)) {
			i = 0
		}
	}
	stall.At(stall.PutPublish)
	r.slots[r.index(t)].stamp.Store(t | full | uint64(n-1)*follower) // pairs with the Load in claim, and in ClaimGetAt
	return n, OK
}

// TryGetBatch attempts once to take items into buf, oldest first. It returns how
// many it took, at most 64, and OK, or Last, if there are any; if not, what TryGet
// would return. buf must not be empty. It takes effect when head moved, at one
// instant.
func (r *Ring[T]) TryGetBatch(buf []T) (int, State) {
	h := r.head.Load()
	if r.index(h) >= uint64(len(r.slots)) {
		return 0, Unmade
	}
	stall.At(stall.GetStamp)
	if h&gate != 0 {
		return 0, Gated
	}
	p := r.position(h)
	n, ok := r.claim(&r.head, h, p|full, len(buf))
	switch {
	case !ok:
		return 0, Busy
	case n == 0:
		return 0, r.NotGot()
	}
	stall.At(stall.GetRead)
	i := r.index(h)
	for j := range buf[:n] {
		var zero T
		buf[j], r.slots[i].val = r.slots[i].val, zero
		if i += r.stride(); i == uint64(len(r.slots)) {
			i = 0
		}
	}
	stall.At(stall.GetRelease)
	r.slots[r.index(h)].stamp.Store(p + r.lap + uint64(n-1)*follower) // pairs with the Load in claim, and in ClaimPutAt
	if h&closed != 0 && r.position(r.tail.Load()) == r.advance(p, n) {
		return n, Last
	}
	return n, OK
}

// claim claims up to n positions, those of a run or of several: word moves on from
// w if the stamps say that the slots are as stamp, which is that of the first one,
// says. It returns how many, possibly none, and false if it lost a race.
func (r *Ring[T]) claim(word *atomic.Uint64, w, stamp uint64, n int) (int, bool) {
	n = min(n, longest, int(r.capacity)) // if others move word on meanwhile, the stamps would go on for ever
	found := 0
	for found < n {
		at := r.advance(stamp, found)
		stall.At(stall.BatchWalk)
		st := r.slots[r.index(at)].stamp.Load()
		if st&^runs != at {
			break
		}
		found += r.run(st)
	}
	if found == 0 {
		return 0, true
	}
	if found > n && !r.pass(word, w, r.advance(stamp, n)+uint64(found-n-1)*follower) {
		return 0, false
	}
	n = min(n, found)
	stall.At(stall.BatchClaim)
	return n, word.CompareAndSwap(w, r.advance(w, n))
}

// pass gives the slot of stamp that stamp, if that slot follows, in a run, those
// that the caller is about to claim by moving word on from w. It returns false if
// it lost a race; nothing has happened then. After a run that begins with the stamp
// st, for a single call, next(st)-follower is what follows.
func (r *Ring[T]) pass(word *atomic.Uint64, w, stamp uint64) bool {
	s := &r.slots[r.index(stamp)]
	old := s.stamp.Load() // it may be the same as stamp: somebody else was quicker
	stall.At(stall.PassWord)
	if word.Load() != w {
		return false
	}
	stall.At(stall.PassStamp)
	return s.stamp.CompareAndSwap(old, stamp)
}

// run returns how many slots the stamp st speaks of.
func (r *Ring[T]) run(st uint64) int { return int(st&runs/follower) + 1 }
